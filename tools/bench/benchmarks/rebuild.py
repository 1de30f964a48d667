"""`rebuild`: one program after an edit of its builder, against a plain script that exports it."""

from __future__ import annotations

from bench.benchmarks.comparison import TimeComparison, compare
from bench.benchmarks.edits import add_unique_comment
from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.plain_script import (
    PlainPython,
    builder_file,
    export_stock,
    make_plain_pythons,
)
from bench.benchmarks.programs import BenchProgram
from bench.benchmarks.setting import Setting
from bench.benchmarks.uncached import package_and_keep
from workspace.clone import Clone
from workspace.errors import ToolError
from workspace.kept_sandbox import KeptSandbox

NAME = "rebuild"
ABOUT = "one program after an edit of its builder, against a plain script with stock ExecuTorch"
GOAL = Goal("at_most", 0.7)
# Small, middling and large, of three families.
PROGRAMS = (
    "models/mobilenet:mobilenet_v3_small_xnnpack",
    "models/yolo:yolo11n_xnnpack",
    "models/pe_core:pe_core_t16_384_xnnpack",
)
_ROUNDS = 3


def run(setting: Setting) -> tuple[Measurement, ...]:
    programs = [BenchProgram(address) for address in setting.programs or PROGRAMS]
    with setting.clone("repository") as clone:
        setting.progress(f"building {len(programs)} programs, and keeping the sandboxes of exports")
        sandboxes = package_and_keep(setting, clone, programs).sandboxes
        setting.progress("making the virtual environment of the script")
        pythons = make_plain_pythons(setting, clone, sandboxes)
        return tuple(
            _compare(setting, clone, program, sandbox, pythons[program]).row(
                NAME,
                f"`package {program.address}` after an edit of its builder",
                "a process of a plain script: the same export with stock ExecuTorch",
                GOAL,
                program=program.address,
            )
            for program, sandbox in sandboxes.items()
        )


def _compare(
    setting: Setting,
    clone: Clone,
    program: BenchProgram,
    sandbox: KeptSandbox,
    python: PlainPython,
) -> TimeComparison:
    builder = builder_file(clone, sandbox)

    def with_pants() -> float:
        add_unique_comment(clone.root / builder)
        done = clone.pants("package", program.address)
        if done.exports != (program.address,):
            raise ToolError(
                f"after an edit of {builder}, `package {program.address}` should export just that program, but "
                f"exported {list(done.exports)}"
            )
        return done.seconds

    def without() -> float:
        sandbox.replace(clone.root / builder, builder)
        return export_stock(clone, program, sandbox, python).seconds

    setting.progress(f"{program.address}: warming up both")
    with_pants()
    without()
    return compare(setting.rounds or _ROUNDS, with_pants, without, setting.progress)
