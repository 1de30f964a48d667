"""Which exports run again after a change of a lockfile or of an option, in processes that really run."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from pants.engine.addresses import Address
from pants.testutil.rule_runner import RuleRunner

from pte_build.program.export import ExportedProgram, ExportedProgramRequest
from pte_build.program.report import BuiltProgram, ProgramRequest
from pte_build.stand_in_library import ROOT
from pte_build.stand_in_repository import program_text, target_text
from pte_build.test_support import (
    SEEDED,
    exports_run,
    make_runner,
    read_json,
    set_options,
    store_with_toolchain,
)

RESOLVES = "--python-resolves={}".format(
    {
        "dev": "locks/dev.lock",
        "engine": "locks/engine.lock",
        "engine_and_converter": "locks/engine_and_converter.lock",
        "extra": "locks/extra.lock",
        "vision": "locks/vision.lock",
    }
)
# Three programs, whose toolchains share one lock or none. Equal ones would share their export.
CONVERTED = "lab:converted"
PLAIN = "lab:plain"
SEEN = "lab:seen"
LAB = (
    target_text(
        "pte_backend",
        "converter",
        resolve="engine_and_converter",
        lowering=[f"{ROOT}/backends/fast.py"],
        platforms=["ios"],
        summary="Converts.",
    )
    + program_text("converted", backend=[":converter"], builder_resolve="extra")
    + program_text("plain", backend=["toolchains:slow"], builder_resolve="extra")
    + program_text("seen", model="seen", backend=["toolchains:slow"], builder_resolve="vision")
)


def make_wheel(folder: Path, name: str) -> str:
    """Writes a package of one empty module; returns the lockfile's line for it."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)
    return f"{name} @ {wheel.as_uri()}\n"


def export(runner: RuleRunner, *programs: str) -> list[str]:
    """Exports these in a new session; returns the addresses of those that were in no cache."""
    set_options(runner, SEEDED, RESOLVES)
    for program in programs:
        folder, _, name = program.partition(":")
        runner.request(ExportedProgram, [ExportedProgramRequest(Address(folder, target_name=name))])
    return exports_run(runner)


def test_a_changed_lock_runs_the_exports_of_its_own_toolchains_again(tmp_path: Path) -> None:
    runner = make_runner(SEEDED, RESOLVES, store=store_with_toolchain())
    locks = ("locks/engine_and_converter.lock", "locks/vision.lock")
    runner.write_files({"lab/BUILD": LAB, **dict.fromkeys(locks, "")})
    programs = (CONVERTED, PLAIN, SEEN)
    assert export(runner, *programs) == [*programs]
    assert export(runner, *programs) == []
    for lock, affected in zip(locks, (CONVERTED, SEEN)):
        runner.write_files({lock: make_wheel(tmp_path, Path(lock).stem)})
        assert export(runner, *programs) == [affected]


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(SEEDED, store=store_with_toolchain())


def backend_text(**options: str) -> str:
    return target_text(
        "pte_backend",
        "backend",
        resolve="engine",
        lowering=[f"{ROOT}/backends/fast.py"],
        platforms=["linux"],
        summary="Has options.",
        options=options,
    )


@pytest.mark.parametrize(
    "options",
    [
        {"level": "1", "mode": "plain"},
        {"level": "2", "mode": "plain"},
        {"level": "1", "mode": "other"},
        {"level": "1"},
        {"level": "1", "mode": "plain", "more": "x"},
        {},
    ],
)
def test_every_option_of_a_backend_is_in_the_key_and_in_the_facts(
    runner: RuleRunner, options: dict[str, str]
) -> None:
    programs = program_text("p", backend=[":backend"]) + program_text("q", options={"own": "1"})
    runner.write_files({"opt/BUILD": backend_text(level="0", mode="none") + programs})
    export(runner, "opt:p", "opt:q")
    runner.write_files({"opt/BUILD": backend_text(**options) + programs})
    assert export(runner, "opt:p", "opt:q") == ["opt:p"]
    assert facts(runner, "p")["request"]["options"] == options


def test_a_programs_own_options_win_and_are_only_in_its_key(runner: RuleRunner) -> None:
    def write(level: str) -> None:
        one = program_text("one", backend=[":backend"], options={"level": level})
        two = program_text("two", backend=[":backend"])
        runner.write_files({"opt/BUILD": backend_text(level="7", mode="own") + one + two})

    write("8")
    export(runner, "opt:one", "opt:two")
    write("9")
    assert export(runner, "opt:one", "opt:two") == ["opt:one"]
    assert facts(runner, "one")["request"]["options"] == {"level": "9", "mode": "own"}


def facts(runner: RuleRunner, name: str) -> Any:
    """The facts in the program's report."""
    request = ProgramRequest(Address("opt", target_name=name))
    return read_json(runner, runner.request(BuiltProgram, [request]).report)["facts"]
