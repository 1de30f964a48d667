from __future__ import annotations

import sys
from pathlib import Path

import pytest

from reproduce.perturbations.export_run import run_export
from reproduce.perturbations.perturbation import ExportChange
from reproduce.perturbations.registry import PERTURBATIONS
from reproduce.perturbations.stand_in_export import make_sandbox
from workspace.errors import ToolError

NOTHING = ExportChange(seen={})
CHANGES = {one.name: one.change for one in PERTURBATIONS if isinstance(one.change, ExportChange)}
# What an export would have to put into its bytes for a perturbation to change them.
PLANTED = {
    "folder": "os.getcwd()",
    "user": "os.path.expanduser('~') + os.environ.get('USER', '')",
    "locale": "os.environ['LANG']",
    "time-zone": "time.localtime(0)",
    "clock": "(datetime.date.today(), subprocess.run(['date'], capture_output=True).stdout)",
    "umask": "(pathlib.Path('new').touch(), pathlib.Path('new').stat().st_mode)",
    "user-id": "os.getuid()",
    "threads": "os.environ['OMP_NUM_THREADS']",
    "lifted-threads": "torch.get_num_threads()",
    "lifted-cpu-avx2": "torch.backends.cpu.get_cpu_capability()",
    "together": "time.localtime(0)",
    "lifted-cpu-avx512": "os.environ['ONEDNN_MAX_CPU_ISA'] if 'ONEDNN_MAX_CPU_ISA' in os.environ "
    "else ''",
}
_ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="libfaketime's wheel is for Linux")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=_ON_LINUX if name in ("clock", "together") else ())
        for name in PLANTED
    ],
)
def test_each_perturbation_changes_what_depends_on_it(tmp_path: Path, name: str) -> None:
    sandbox = make_sandbox(tmp_path / "kept", PLANTED[name])
    usual = run_export(sandbox, NOTHING, tmp_path).decode()
    changed = run_export(sandbox, CHANGES[name], tmp_path).decode()
    if name == "folder":
        assert len(changed) > len(usual)
    assert changed != usual
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_every_change_is_tested() -> None:
    assert {*PLANTED, "hash-seed"} == set(CHANGES)


def test_threads_in_the_environment_do_not_reach_what_the_export_fixes(tmp_path: Path) -> None:
    sandbox = make_sandbox(tmp_path / "kept", PLANTED["lifted-threads"])
    assert run_export(sandbox, CHANGES["threads"], tmp_path) == b"1"
    assert run_export(sandbox, CHANGES["lifted-threads"], tmp_path) == b"2"


def test_hash_seed(tmp_path: Path) -> None:
    sandbox = make_sandbox(tmp_path / "kept", "hash('text')")
    seeded = {run_export(sandbox, CHANGES["hash-seed"], tmp_path) for _ in range(2)}
    assert len(seeded) == 1
    # Isolated, as in a PEX, Python ignores the PYTHONHASHSEED that the plugin sets.
    assert len({run_export(sandbox, NOTHING, tmp_path) for _ in range(2)}) == 2


def test_what_does_not_depend_on_anything_is_the_same(tmp_path: Path) -> None:
    sandbox = make_sandbox(tmp_path / "kept", "arguments")
    for change in CHANGES.values():
        if change.clock is None or sys.platform == "linux":
            assert run_export(sandbox, change, tmp_path) == b"['one', 'two']"


def test_a_change_that_is_not_seen_is_no_answer(tmp_path: Path) -> None:
    sandbox = make_sandbox(tmp_path / "kept", "1")
    change = ExportChange(seen={"cpu_capability": "AVX512"})
    with pytest.raises(
        ToolError, match="saw {'cpu_capability': 'DEFAULT'}, not {'cpu_capability': 'AVX512'}"
    ):
        run_export(sandbox, change, tmp_path)


def test_a_failing_export_shows_its_reason(tmp_path: Path) -> None:
    sandbox = make_sandbox(tmp_path / "kept", "1 / 0")
    with pytest.raises(ToolError, match="(?s)exit code 1.*ZeroDivisionError"):
        run_export(sandbox, NOTHING, tmp_path)


def test_an_export_that_writes_nothing_is_no_answer(tmp_path: Path) -> None:
    sandbox = make_sandbox(tmp_path / "kept", "sys.exit(0)")
    with pytest.raises(ToolError, match="ended without program.pte"):
        run_export(sandbox, NOTHING, tmp_path)


def test_a_command_without_a_module_is_refused(tmp_path: Path) -> None:
    sandbox = make_sandbox(tmp_path / "kept", "1")
    (sandbox.folder / "__run.sh").write_text("env -i A=1 /bin/true\n")
    with pytest.raises(ToolError, match="runs no Python module: /bin/true"):
        run_export(sandbox, NOTHING, tmp_path)
