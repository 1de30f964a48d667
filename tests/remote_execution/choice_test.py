from __future__ import annotations

from typing import Any

from remote_execution.choice import choose, read_models


def model(family: str, backend: str, size: int, precision: str = "fp32") -> dict[str, Any]:
    return {
        "address": f"models/{family}:{size}_{precision}_{backend}",
        "backend": backend,
        "category": family,
        "precision": precision,
        "size": size,
    }


def test_each_backend_and_each_family_is_there() -> None:
    models = read_models()
    chosen = [each for each in models if each["address"] in choose(models)]
    for field in ("backend", "category"):
        assert {each[field] for each in chosen} == {each[field] for each in models}
    assert {(each["backend"], each["precision"] == "int8") for each in chosen} == {
        (each["backend"], each["precision"] == "int8") for each in models
    }
    assert len(chosen) <= 10


def test_small_programs_of_families_in_turn() -> None:
    models = [
        model("a", "x", 1),
        model("a", "x", 2),
        model("a", "y", 3),
        model("b", "y", 9),
        model("b", "y", 8),
        model("b", "y", 7, "int8"),
        model("c", "y", 6),
        model("c", "y", 5),
        model("d", "x", 9),
        model("e", "x", 4),
    ]
    assert choose(models) == (
        "models/a:1_fp32_x",
        "models/b:7_int8_y",
        "models/c:5_fp32_y",
        "models/d:9_fp32_x",
        "models/e:4_fp32_x",
    )
