"""Exports that really run, in sandboxes that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.benchmarks.edits import add_unique_comment
from bench.benchmarks.programs import BenchProgram
from bench.benchmarks.setting import Setting
from workspace.clone import Clone
from workspace.errors import ToolError
from workspace.kept_sandbox import KeptSandbox, find_sandbox

# Every export imports it, and no toolchain does: an edit of it empties the caches of exports, and of nothing else.
_MODULE_OF_EVERY_EXPORT = "src/python/pte_foundry/exporting/main.py"


@dataclass(frozen=True)
class KeptExports:
    """seconds: wall-clock time of the `package`. sandboxes: by program."""

    seconds: float
    sandboxes: dict[BenchProgram, KeptSandbox]


def package_and_keep(
    setting: Setting, clone: Clone, programs: Sequence[BenchProgram]
) -> KeptExports:
    """Package the programs, after an edit that no cache has seen: all are exported.

    Raises ToolError if anything else than these programs was exported.
    """
    add_unique_comment(clone.root / _MODULE_OF_EVERY_EXPORT)
    run = clone.pants(*keeping(setting), "package", *(program.address for program in programs))
    expected = tuple(sorted(program.address for program in programs))
    if run.exports != expected:
        raise ToolError(
            f"after an edit of {_MODULE_OF_EVERY_EXPORT}, `package` should export {list(expected)}, "
            f"but exported {list(run.exports)}"
        )
    return KeptExports(
        run.seconds,
        {program: find_sandbox(run, f"Export {program.address}") for program in programs},
    )


def keeping(setting: Setting) -> tuple[str, str]:
    """Options of a `./pants` that keeps its sandboxes. Other options would make the daemon start anew."""
    folder = setting.scratch / "sandboxes"
    folder.mkdir(exist_ok=True)
    return "--keep-sandboxes=always", f"--local-execution-root-dir={folder}"
