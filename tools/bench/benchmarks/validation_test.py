from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bench.benchmarks import validation
from bench.benchmarks.measurement import Measurement
from bench.benchmarks.stand_in_repository import stand_in_setting
from workspace.errors import ToolError

EXPORT = "src/python/pte_foundry/exporting/main.py"
VALIDATION = "src/python/pte_foundry/validation/main.py"
ADDRESS = "models/mobilenet:mobilenet_v3_small_xnnpack"
# Exports, or validates, a text that was not seen before; validating takes longer.
LAUNCHER = f"""\
case "$*" in
  *peek*) printf '[\n{{"address": "{ADDRESS}"}}\n]\n' ;;
  *package*) if ! cmp -s {EXPORT} exported; then cp {EXPORT} exported; sleep 0.1; exported; fi ;;
  *test*) if ! cmp -s {VALIDATION} validated; then
    cp {VALIDATION} validated; sleep 0.4; echo '01:02:03.04 [INFO] Completed: Validate {ADDRESS}'; fi ;;
esac
"""


def run(folder: Path, launcher: str, *programs: str) -> tuple[Measurement, ...]:
    files = {EXPORT: "x = 1\n", VALIDATION: "y = 1\n"}
    setting = stand_in_setting(folder, launcher, files)
    return validation.run(dataclasses.replace(setting, programs=programs))


def test_programs_can_be_named_in_any_order(tmp_path: Path) -> None:
    other = ADDRESS.replace("xnnpack", "portable")
    launcher = LAUNCHER.replace('"}\n]', f'"}}, {{"address": "{other}"}}\n]')
    for verb, line in (("Export", "exported;"), ("Validate", f"Completed: Validate {ADDRESS}';")):
        also = f"echo '01:02:03.04 [INFO] Completed: {verb} {other}';"
        launcher = launcher.replace(f"{line} fi", f"{line} {also} fi")
    _, again = run(tmp_path, launcher, ADDRESS, other)
    assert again.met


def test_validating_is_compared_with_building_and_with_doing_it_again(tmp_path: Path) -> None:
    ratio, again = run(tmp_path, LAUNCHER)
    assert ratio.value > 1 and not ratio.met
    assert again.value == 0 and again.met


def test_validations_that_do_not_stay_in_the_cache_are_counted(tmp_path: Path) -> None:
    _, again = run(tmp_path, LAUNCHER.replace("    cp ", "    : "))
    assert again.value == 1 and not again.met


@pytest.mark.parametrize(
    ("from_", "to", "verb"),
    [("exported; fi", "fi", "exported"), ("Completed: Validate", "Cached", "validated")],
)
def test_work_that_was_not_done_is_an_error(tmp_path: Path, from_: str, to: str, verb: str) -> None:
    with pytest.raises(ToolError, match=f"should have been {verb}"):
        run(tmp_path, LAUNCHER.replace(from_, to))
