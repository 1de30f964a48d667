from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bench.benchmarks.second_family import add_family, of_family
from workspace.errors import ToolError


def test_the_family_has_a_builder_of_its_own(tmp_path: Path) -> None:
    library = tmp_path / "src/python/pte_foundry"
    (library / "models").mkdir(parents=True)
    (library / "testing").mkdir()
    (library / "testing/tiny_builder.py").write_text("# tiny\n")
    add_family(tmp_path)
    assert (library / "models/bench_family.py").read_text() == "# tiny\n"
    weights, model = ast.parse((tmp_path / "bench_family/BUILD").read_text()).body
    assert "model_weights" in ast.dump(weights)
    assert "src/python/pte_foundry/models/bench_family.py" in ast.dump(model)


def test_a_repository_without_the_small_builder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="tiny_builder.py does not exist"):
        add_family(tmp_path)


def test_programs_of_a_family() -> None:
    addresses = ("models/mobilenet:a", "models/mobilenet_two:a", "models/yolo:b")
    assert of_family(addresses, "models/mobilenet") == ("models/mobilenet:a",)
