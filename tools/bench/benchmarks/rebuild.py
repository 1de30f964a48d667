"""`rebuild`: what Pants adds to an export that has to run."""

from __future__ import annotations

from bench.benchmarks.comparison import compare
from bench.benchmarks.edits import add_unique_comment
from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.setting import Setting
from workspace.clone import Clone
from workspace.errors import ToolError
from workspace.kept_sandbox import KeptSandbox, find_sandbox

NAME = "rebuild"
ABOUT = "one program after an edit of its builder, against the same process without Pants"
GOAL = Goal("at_most", 1.25)
PROGRAM = "models/mobilenet:mobilenet_v3_small_xnnpack"
BUILDER = "src/python/pte_foundry/models/mobilenet.py"
_PTE = "dist/models/mobilenet/mobilenet_v3_small_xnnpack.pte"
# What the export process writes, in its sandbox.
_OUTPUTS = ("program.pte", "facts.json")
_ROUNDS = 5


def run(setting: Setting) -> tuple[Measurement, ...]:
    with setting.clone("repository") as clone:
        setting.progress("building the program once, and keeping the sandbox of its export")
        # Another daemon's options would make the timed runs start anew: this run has none.
        add_unique_comment(clone.root / BUILDER)
        kept = clone.pants(
            "--no-pantsd",
            "--keep-sandboxes=always",
            f"--local-execution-root-dir={_made(setting)}",
            "package",
            PROGRAM,
        )
        sandbox = find_sandbox(kept, f"Export {PROGRAM}")
        setting.progress("warming up both")
        _pants(clone)
        _bare(clone, sandbox)
        comparison = compare(
            setting.rounds or _ROUNDS,
            lambda: _pants(clone),
            lambda: _bare(clone, sandbox),
            setting.progress,
        )
    return (
        Measurement(
            NAME,
            f"`package {PROGRAM}` after an edit of its builder",
            "the same export process, without Pants",
            comparison.ratio,
            "ratio",
            GOAL,
            comparison.details(),
        ),
    )


def _made(setting: Setting) -> str:
    folder = setting.scratch / "sandboxes"
    folder.mkdir()
    return str(folder)


def _pants(clone: Clone) -> float:
    add_unique_comment(clone.root / BUILDER)
    run = clone.pants("package", PROGRAM)
    if run.exports != (PROGRAM,):
        raise ToolError(
            f"after an edit of {BUILDER}, `package {PROGRAM}` should export just that program, "
            f"but exported {list(run.exports)}"
        )
    return run.seconds


def _bare(clone: Clone, sandbox: KeptSandbox) -> float:
    """The export that Pants ran last, from the same sources. Raises ToolError if the bytes differ."""
    sandbox.replace(clone.root / BUILDER, BUILDER)
    seconds = sandbox.run(_OUTPUTS).seconds
    if (sandbox.folder / _OUTPUTS[0]).read_bytes() != (clone.root / _PTE).read_bytes():
        raise ToolError(
            f"the export of {PROGRAM} without Pants gave other bytes than {_PTE}: the two are not "
            "the same process, or the export is not reproducible"
        )
    return seconds
