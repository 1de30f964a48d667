"""`validation`: what proving all programs costs, against building them."""

from __future__ import annotations

from collections.abc import Sequence

from bench.benchmarks.edits import add_unique_comment
from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.programs import BenchProgram, chosen_programs
from bench.benchmarks.setting import Setting
from workspace.clone import Clone
from workspace.errors import ToolError
from workspace.pants_run import PantsRun

NAME = "validation"
ABOUT = "all tests with no cached result, against all exports with none; and all tests again"
CHEAPER = Goal("at_most", 0.5)
NOTHING = Goal("at_most", 0)

# An edit of it empties the caches of exports, and of validations, and of nothing else.
_EXPORT = "src/python/pte_foundry/exporting/main.py"
_VALIDATION = "src/python/pte_foundry/validation/main.py"


def run(setting: Setting) -> tuple[Measurement, ...]:
    with setting.clone("repository") as clone:
        programs = chosen_programs(setting, clone)
        addresses = [program.address for program in programs]
        tests = [f"{address}_test" for address in addresses]
        # Toolchains and pictures are made here if they are not there yet; so is the daemon.
        setting.progress(f"building and testing {len(programs)} programs, from the cache if there")
        clone.pants("package", *addresses)
        clone.pants("test", *tests)
        setting.progress("building them with no cached export")
        built = _after_an_edit(clone, _EXPORT, "package", addresses)
        _require(built.exports, programs, "exported")
        setting.progress(f"took {built.seconds:.1f} s; now testing, with no cached validation")
        tested = _after_an_edit(clone, _VALIDATION, "test", tests)
        _require(tested.validations, programs, "validated")
        setting.progress(f"took {tested.seconds:.1f} s; now once more")
        again = clone.pants("test", *tests)
    return rows(len(programs), built, tested, again)


def _after_an_edit(clone: Clone, file: str, goal: str, addresses: Sequence[str]) -> PantsRun:
    add_unique_comment(clone.root / file)
    return clone.pants(goal, *addresses)


def _require(done: Sequence[str], programs: Sequence[BenchProgram], verb: str) -> None:
    expected = sorted(program.address for program in programs)
    if list(done) != expected:
        raise ToolError(
            f"all of {expected} should have been {verb}, but what was is {list(done)}: the numbers "
            "would compare different work"
        )


def rows(
    programs: int, built: PantsRun, tested: PantsRun, again: PantsRun
) -> tuple[Measurement, ...]:
    """The ratio of the times; how many validations the second run did not find in the cache."""
    return (
        Measurement(
            NAME,
            f"`test` of {programs} programs, no validation cached",
            "`package` of them, no export cached",
            tested.seconds / built.seconds,
            "ratio",
            CHEAPER,
            {
                "measured_seconds": round(tested.seconds, 2),
                "baseline_seconds": round(built.seconds, 2),
            },
        ),
        Measurement(
            NAME,
            "validations of a second `test`",
            "the first one",
            len(again.validations),
            "validations",
            NOTHING,
            {"validations": list(again.validations), "seconds": round(again.seconds, 2)},
        ),
    )
