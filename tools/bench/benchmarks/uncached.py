"""Runs of `./pants` in which no export, or no validation, comes from a cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.benchmarks.edits import add_unique_comment
from bench.benchmarks.programs import BenchProgram
from bench.benchmarks.setting import Setting
from workspace.clone import Clone
from workspace.errors import ToolError
from workspace.kept_sandbox import KeptSandbox, find_sandbox
from workspace.pants_run import PantsRun

# Every export imports the first, every validation the second, and no toolchain does: an edit invalidates the cached
# results of these processes, and nothing else.
EXPORT_SOURCE = "src/python/pte_foundry/exporting/main.py"
_VALIDATION = "src/python/pte_foundry/validation/main.py"


@dataclass(frozen=True)
class KeptExports:
    """seconds: wall-clock time of the `package`. sandboxes: by program."""

    seconds: float
    sandboxes: dict[BenchProgram, KeptSandbox]


def package_uncached(clone: Clone, programs: Sequence[BenchProgram], *options: str) -> PantsRun:
    """Package the programs. Raises ToolError unless these and no others were exported."""
    addresses = [program.address for program in programs]
    run = _edited(clone, EXPORT_SOURCE, (*options, "package", *addresses))
    _require(run.exports, addresses, "exported", EXPORT_SOURCE)
    return run


def validate_uncached(clone: Clone, programs: Sequence[BenchProgram]) -> PantsRun:
    """Test the programs. Raises ToolError unless these and no others were validated."""
    addresses = [program.address for program in programs]
    run = _edited(clone, _VALIDATION, ("test", *(f"{address}_test" for address in addresses)))
    _require(run.validations, addresses, "validated", _VALIDATION)
    return run


def package_and_keep(
    setting: Setting, clone: Clone, programs: Sequence[BenchProgram]
) -> KeptExports:
    """`package_uncached`, with the sandboxes of the exports."""
    run = package_uncached(clone, programs, *keep_sandboxes(setting))
    return KeptExports(
        run.seconds,
        {program: find_sandbox(run, f"Export {program.address}") for program in programs},
    )


def keep_sandboxes(setting: Setting) -> tuple[str, str]:
    """Options of a `./pants` that keeps its sandboxes. A change of these options restarts the daemon."""
    folder = setting.scratch / "sandboxes"
    folder.mkdir(exist_ok=True)
    return "--keep-sandboxes=always", f"--local-execution-root-dir={folder}"


def _edited(clone: Clone, file: str, arguments: Sequence[str]) -> PantsRun:
    add_unique_comment(clone.root / file)
    return clone.pants(*arguments)


def _require(done: Sequence[str], addresses: Sequence[str], verb: str, file: str) -> None:
    if list(done) != sorted(addresses):
        raise ToolError(
            f"after an edit of {file}, all of {sorted(addresses)} and no other should have been {verb}, but "
            f"{list(done)} were. If other files matter now, name them in bench/benchmarks/uncached.py"
        )
