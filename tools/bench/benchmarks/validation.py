"""`validation`: what validating all programs costs, against building them."""

from __future__ import annotations

from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.programs import chosen_programs
from bench.benchmarks.setting import Setting
from bench.benchmarks.uncached import package_uncached, validate_uncached
from workspace.pants_run import PantsRun

NAME = "validation"
ABOUT = "all tests with no cached result, against all exports with none; and all tests again"
CHEAPER = Goal("at_most", 0.6)
NOTHING = Goal("at_most", 0)


def run(setting: Setting) -> tuple[Measurement, ...]:
    with setting.clone("repository") as clone:
        programs = chosen_programs(setting, clone)
        addresses = [program.address for program in programs]
        tests = [f"{address}_test" for address in addresses]
        # This makes missing toolchains and pictures, and starts the daemon.
        setting.progress(f"building and testing {len(programs)} programs, from the cache if there")
        clone.pants("package", *addresses)
        clone.pants("test", *tests)
        setting.progress("building them with no cached export")
        built = package_uncached(clone, programs)
        setting.progress(f"took {built.seconds:.1f} s; now testing, with no cached validation")
        tested = validate_uncached(clone, programs)
        setting.progress(f"took {tested.seconds:.1f} s; now once more")
        again = clone.pants("test", *tests)
    return rows(len(programs), built, tested, again)


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
