from __future__ import annotations

from pathlib import Path

import pytest

from bench.benchmarks.programs import BenchProgram
from bench.benchmarks.setting import Setting
from bench.benchmarks.stand_in_repository import stand_in_setting
from bench.benchmarks.uncached import package_uncached, validate_uncached
from workspace.errors import ToolError

EXPORT = "src/python/pte_foundry/exporting/main.py"
VALIDATION = "src/python/pte_foundry/validation/main.py"
ADDRESS = "models/mobilenet:mobilenet_v3_small_xnnpack"
# Exports, or validates, a text that was not seen before.
LAUNCHER = f"""\
echo "$*" >> LOG
case "$*" in
  *package*) if ! cmp -s {EXPORT} exported; then cp {EXPORT} exported; exported; fi ;;
  *test*) if ! cmp -s {VALIDATION} validated; then
    cp {VALIDATION} validated; echo '01:02:03.04 [INFO] Completed: Validate {ADDRESS}'; fi ;;
esac
"""


def setting_of(folder: Path, launcher: str = LAUNCHER) -> Setting:
    files = {EXPORT: "x = 1\n", VALIDATION: "y = 1\n"}
    return stand_in_setting(folder, launcher.replace("LOG", str(folder / "log")), files)


def test_everything_runs_each_time(tmp_path: Path) -> None:
    with setting_of(tmp_path).clone("clone") as clone:
        for _ in range(2):
            run = package_uncached(clone, [BenchProgram(ADDRESS)], "--an-option")
            assert run.exports == (ADDRESS,)
            assert validate_uncached(clone, [BenchProgram(ADDRESS)]).validations == (ADDRESS,)
        assert clone.pants("package").exports == clone.pants("test").validations == ()
    package, test, *_ = (tmp_path / "log").read_text().splitlines()
    assert package.endswith(f" --an-option package {ADDRESS}")
    assert test.endswith(f" test {ADDRESS}_test")


def test_programs_may_be_in_any_order(tmp_path: Path) -> None:
    also = ADDRESS.replace("xnnpack", "portable")
    launcher = LAUNCHER.replace("exported; fi", "exported; exported | sed s/xnnpack/portable/; fi")
    with setting_of(tmp_path, launcher).clone("clone") as clone:
        run = package_uncached(clone, [BenchProgram(ADDRESS), BenchProgram(also)])
        assert run.exports == (also, ADDRESS)


@pytest.mark.parametrize("programs", [[], [ADDRESS, "models/b:c_xnnpack"]])
def test_other_work_is_an_error(tmp_path: Path, programs: list[str]) -> None:
    found = [BenchProgram(address) for address in programs]
    with setting_of(tmp_path).clone("clone") as clone:
        with pytest.raises(ToolError, match="exporting/main.py, all of .* been exported"):
            package_uncached(clone, found)
        with pytest.raises(ToolError, match="validation/main.py, all of .* been validated"):
            validate_uncached(clone, found)
