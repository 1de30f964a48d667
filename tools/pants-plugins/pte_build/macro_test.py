"""The BUILD macro `pte_model`: which programs and tests it declares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

MACRO = Path(__file__).parents[2] / "macros/pte_model.py"
REQUIRED = {"name": "m", "builder": "models/m.py", "inputs": {"image": "float32[1]"}}


class Declared:
    """What the macro declares: fields by name of the target."""

    def __init__(self, **arguments: object) -> None:
        self.programs: list[dict[str, Any]] = []
        self.tests: list[dict[str, Any]] = []
        self.bundles: list[dict[str, Any]] = []
        names: dict[str, Any] = {
            "pte_program": lambda **fields: self.programs.append(fields),
            "pte_test": lambda **fields: self.tests.append(fields),
            "pte_bundle": lambda **fields: self.bundles.append(fields),
        }
        exec(compile(MACRO.read_text(encoding="utf-8"), str(MACRO), "exec"), names)
        names["pte_model"](**{**REQUIRED, **arguments})


def test_names_backends_and_precisions() -> None:
    declared = Declared(programs={"fast": {}, "int8_fast": {}, "fp16_slow": {}})
    declarations = [(p["name"], p["backend"], p.get("precision")) for p in declared.programs]
    assert declarations == [
        ("m_fast", ["//toolchains:fast"], None),
        ("m_int8_fast", ["//toolchains:fast"], "int8"),
        ("m_fp16_slow", ["//toolchains:slow"], "fp16"),
    ]
    assert [(test["name"], test["program"]) for test in declared.tests] == [
        ("m_fast_test", [":m_fast"]),
        ("m_int8_fast_test", [":m_int8_fast"]),
        ("m_fp16_slow_test", [":m_fp16_slow"]),
    ]
    assert [(bundle["name"], bundle["program"]) for bundle in declared.bundles] == [
        ("m_fast_bundle", [":m_fast"]),
        ("m_int8_fast_bundle", [":m_int8_fast"]),
        ("m_fp16_slow_bundle", [":m_fp16_slow"]),
    ]


def test_every_field_of_a_program() -> None:
    declared = Declared(
        programs={"fast": {"max_delegate_calls": 1}},
        builder_resolve="extra",
        task="image classification",
        labels="labels.txt",
        tags=["nightly"],
    )
    assert declared.programs == [
        {
            "name": "m_fast",
            "model": "m",
            "weights": [":m_weights"],
            "builder": ["models/m.py"],
            "builder_resolve": "extra",
            "inputs": {"image": "float32[1]"},
            "backend": ["//toolchains:fast"],
            "task": "image classification",
            "labels": "labels.txt",
            "tags": ["nightly"],
            "max_delegate_calls": 1,
        }
    ]
    assert declared.tests == [{"name": "m_fast_test", "program": [":m_fast"], "tags": ["nightly"]}]


def test_weights_of_another_name() -> None:
    declared = Declared(programs={"fast": {}}, weights="models/other:w")
    assert declared.programs[0]["weights"] == ["models/other:w"]


def test_toolchains_of_another_folder() -> None:
    declared = Declared(programs={"int8_fast": {}}, toolchains="//toolchains/next")
    assert declared.programs[0]["backend"] == ["//toolchains/next:fast"]


def test_a_backend_that_the_present_version_has_no_more() -> None:
    (mps,) = Declared(programs={"mps": {}}).programs
    assert mps["backend"] == ["//toolchains/executorch_1_4:mps"]
    (other,) = Declared(programs={"mps": {}}, toolchains="//own").programs
    assert other["backend"] == ["//own:mps"]


def test_a_program_overrides_fields_of_its_test() -> None:
    programs = {"fast": {}, "int8_fast": {"test": {"min_cosine": 0.9}, "options": {"a": "b"}}}
    declared = Declared(programs=programs, test={"min_cosine": 0.99, "timeout": 5})
    assert [(test["min_cosine"], test["timeout"]) for test in declared.tests] == [
        (0.99, 5),
        (0.9, 5),
    ]
    assert all("test" not in program for program in declared.programs)
    # The caller's own tables are unchanged.
    assert programs["int8_fast"] == {"test": {"min_cosine": 0.9}, "options": {"a": "b"}}


def test_budgets_are_left_to_the_backend_unless_the_model_has_its_own() -> None:
    own = {"slow": {"max_planned_memory_ratio": 5.0}, "int8_fast": {"max_size_ratio": 0.2}}
    declared = Declared(programs={"slow": {}, "int8_fast": {}, "fast": {}}, bounds=own)
    names = ("max_size_ratio", "max_planned_memory_ratio")
    assert [tuple(test.get(name) for name in names) for test in declared.tests] == [
        (None, 5.0),
        (0.2, None),
        (None, None),
    ]


def test_a_budget_without_a_program_is_refused() -> None:
    with pytest.raises(ValueError, match="m: `bounds` names programs that `programs` lacks: slow"):
        Declared(programs={"fast": {}}, bounds={"slow": {}})


def test_the_tags_of_one_test_are_not_its_programs() -> None:
    programs = {"fast": {}, "int8_fast": {"test": {"tags": ["nightly"]}}}
    declared = Declared(programs=programs)
    assert [test["tags"] for test in declared.tests] == [None, ["nightly"]]
    assert [program["tags"] for program in declared.programs] == [None, None]


def test_quantization_and_a_reason_are_handed_on() -> None:
    own = {"quantization": ["static.py"], "min_quantized_weights": 0.9}
    programs = {"int8_fast": own, "int8_slow": {"unavailable": "too slow"}}
    quantized, shut = Declared(programs=programs).programs
    assert {name: quantized[name] for name in own} == own
    assert (shut["precision"], shut["unavailable"]) == ("int8", "too slow")


@pytest.mark.parametrize("missing", sorted(REQUIRED))
def test_required_arguments(missing: str) -> None:
    names: dict[str, Any] = {}
    exec(MACRO.read_text(encoding="utf-8"), names)
    arguments = {name: value for name, value in REQUIRED.items() if name != missing}
    with pytest.raises(TypeError, match=missing):
        names["pte_model"](programs={}, **arguments)


def test_other_fields_are_those_of_every_program() -> None:
    programs = {"fast": {}, "slow": {"outputs": ["own"]}}
    declared = Declared(programs=programs, imports=["m/operators.py"], outputs=["scores"])
    assert [p["imports"] for p in declared.programs] == [["m/operators.py"]] * 2
    assert [p["outputs"] for p in declared.programs] == [["scores"], ["own"]]
    assert not any("imports" in test for test in declared.tests)
