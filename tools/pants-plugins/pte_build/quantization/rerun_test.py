"""Which exports run again after a change of what only int8 programs use, in processes that really run."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.testutil.rule_runner import RuleRunner

from pte_build.program.export import ExportedProgram, ExportedProgramRequest
from pte_build.stand_in_library import ROOT
from pte_build.stand_in_repository import program_text, quantized_text, target_text
from pte_build.test_support import (
    SEEDED,
    exports_run,
    make_runner,
    read_json,
    set_options,
    store_with_toolchain,
)

RANGES = f"{ROOT}/quantization/ranges.py"
RECIPE = f"{ROOT}/quantization/recipes/rounding.py"
STATIC, WEIGHTS, FLOAT = "lab:static", "lab:weights", "lab:float"


def lab(**fields: object) -> str:
    """`static` has these fields; `weights` has another recipe, which uses no pictures; `float` has none."""
    other = [f"{ROOT}/quantization/recipes/other.py"]
    return (
        quantized_text("static", calibration=[":calibration"], **fields)
        + quantized_text("weights", quantization=other, calibration=[])
        + program_text("float")
    )


def calibration_text(**fields: object) -> str:
    return target_text("calibration_set", "calibration", **fields)


FILES = {
    "lab/BUILD": lab() + calibration_text(sources=["one/*.jpg", "two/*.jpg"]),
    "lab/one/b.jpg": "a bee",
    "lab/two/a.jpg": "an ape",
    # Not in the set at first.
    "lab/more/c.jpg": "a cat",
    "lab/all/a.jpg": "an ape",
    "lab/all/b.jpg": "a bee",
    RANGES: "NAME = 'rounding'\n",
    RECIPE: "from pte_foundry.quantization.ranges import NAME\n",
    f"{ROOT}/quantization/recipes/other.py": "NAME = 'other'\n",
}


@pytest.fixture(scope="module")
def only_runner() -> RuleRunner:
    runner = make_runner(SEEDED, store=store_with_toolchain())
    runner.write_files(FILES)
    assert export(runner) == [FLOAT, STATIC, WEIGHTS]
    return runner


@pytest.fixture()
def runner(only_runner: RuleRunner) -> RuleRunner:
    """With all of FILES restored and exported."""
    only_runner.write_files(FILES)
    assert export(only_runner) == []
    return only_runner


def export(runner: RuleRunner) -> list[str]:
    """Exports all in a new session; returns the addresses of those that were in no cache."""
    set_options(runner, SEEDED)
    for name in ("static", "weights", "float"):
        runner.request(ExportedProgram, [ExportedProgramRequest(Address("lab", target_name=name))])
    return exports_run(runner)


def exported(runner: RuleRunner, name: str) -> ExportedProgram:
    request = ExportedProgramRequest(Address("lab", target_name=name))
    return runner.request(ExportedProgram, [request])


def test_the_requests_of_the_exports(runner: RuleRunner) -> None:
    static = exported(runner, "static")
    assert read_json(runner, static.facts)["request"]["quantization"] == {
        "recipe": "pte_foundry.quantization.recipes.rounding",
        "options": {},
        "calibration": ["calibration/a.jpg", "calibration/b.jpg"],
    }
    assert read_json(runner, static.pte)[-3:] == ["rounding", {}, ["an ape", "a bee"]]
    assert read_json(runner, exported(runner, "weights").pte)[-3:] == ["other", {}, []]
    # Not even null: the request of a float program does not mention it.
    assert "quantization" not in read_json(runner, exported(runner, "float").facts)["request"]


@pytest.mark.parametrize(
    "files",
    [
        {"lab/one/b.jpg": "another bee"},
        {"lab/BUILD": lab() + calibration_text(sources=["all/*.jpg", "more/*.jpg"])},
        {RANGES: "NAME = 'ranging'\n"},
        {RECIPE: "NAME = 'rounding down'\n"},
    ],
    ids=["changed picture", "new picture", "imported by the recipe", "recipe"],
)
def test_a_change_exports_the_programs_that_use_it(
    runner: RuleRunner, files: dict[str, str]
) -> None:
    before = exported(runner, "static").pte
    runner.write_files(files)
    assert export(runner) == [STATIC]
    assert exported(runner, "static").pte != before


def test_the_options_of_the_recipe_are_in_the_key(runner: RuleRunner) -> None:
    own = lab(quantization_options={"a": "1"})
    runner.write_files({"lab/BUILD": own + calibration_text(sources=["all/*.jpg"])})
    assert export(runner) == [STATIC]
    assert read_json(runner, exported(runner, "static").pte)[-2] == {"a": "1"}


@pytest.mark.parametrize(
    "sources",
    [["two/*.jpg", "one/*.jpg"], ["[ot]*/*.jpg"], ["one/b.jpg", "t*/a.jpg"], ["all/*"]],
)
def test_neither_order_nor_folders_nor_the_floor_matter(
    runner: RuleRunner, sources: list[str]
) -> None:
    loose = lab(min_quantized_weights=0.5)
    runner.write_files({"lab/BUILD": loose + calibration_text(sources=sources)})
    assert export(runner) == []
