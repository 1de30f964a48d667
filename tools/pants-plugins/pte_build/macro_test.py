"""The BUILD macro in tools/macros: what it declares, seen by Pants itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MACRO = Path("tools/macros/pte_model.py")


def declared(**arguments: Any) -> dict[str, dict[str, Any]]:
    """Run the macro; target name to its type and fields."""
    found: dict[str, dict[str, Any]] = {}

    def record(alias: str) -> Any:
        def target(name: str, **fields: Any) -> None:
            assert name not in found
            found[name] = {"type": alias, **fields}

        return target

    scope = {"pte_program": record("pte_program"), "pte_test": record("pte_test")}
    exec(compile(MACRO.read_text(), str(MACRO), "exec"), scope)
    macro: Any = scope["pte_model"]
    macro(**{"name": "net", "builder": "net.py", "inputs": {"image": "x"}, **arguments})
    return found


def test_each_program_has_a_test_of_its_name() -> None:
    found = declared(programs={"portable": {}, "xnnpack": {"max_delegate_calls": 1}})
    assert list(found) == ["net_portable", "net_portable_test", "net_xnnpack", "net_xnnpack_test"]
    program, test = found["net_xnnpack"], found["net_xnnpack_test"]
    assert program["backend"] == ["//toolchains:xnnpack"]
    assert program["weights"] == [":net_weights"]
    assert program["model"] == "net"
    assert program["max_delegate_calls"] == 1
    assert "precision" not in program
    assert test == {"type": "pte_test", "program": [":net_xnnpack"], "tags": None}


def test_a_precision_stands_before_the_backend() -> None:
    program = declared(programs={"int8_xnnpack": {}})["net_int8_xnnpack"]
    assert (program["precision"], program["backend"]) == ("int8", ["//toolchains:xnnpack"])


def test_fields_of_one_test_win_over_those_of_all() -> None:
    found = declared(
        test={"min_cosine": 0.9, "timeout": 5},
        programs={"portable": {}, "xnnpack": {"test": {"min_cosine": 0.8}}},
    )
    assert found["net_portable_test"]["min_cosine"] == 0.9
    assert found["net_xnnpack_test"]["min_cosine"] == 0.8
    assert found["net_xnnpack_test"]["timeout"] == 5
    assert "test" not in found["net_xnnpack"]


def test_a_shared_checkpoint_can_be_named() -> None:
    program = declared(weights="models/net:all", programs={"portable": {}})["net_portable"]
    assert program["weights"] == ["models/net:all"]
