from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bench.benchmarks.unaffected_edits import Edit, add_family, count_exports, of_family
from workspace.errors import ToolError

COMMENT = Edit("a comment", "models/a/BUILD")
BUILDER = Edit("a builder", "a.py", "models/a")


def test_any_export_after_a_comment_misses_the_goal() -> None:
    (row,) = count_exports(COMMENT, (), ("models/a:x",))
    assert (row.value, row.met) == (0, True)
    assert row.details["validations"] == ["models/a:x"]
    (row,) = count_exports(COMMENT, ("models/a:x",), ())
    assert (row.value, row.met) == (1, False)


def test_a_family_is_exported_and_no_other() -> None:
    others, own = count_exports(BUILDER, ("models/a:x", "models/a:y"), ())
    assert (others.value, others.met) == (0, True)
    assert (own.value, own.met) == (2, True)
    others, own = count_exports(BUILDER, ("models/a:x", "models/b:z"), ())
    assert (others.value, others.met) == (1, False)
    assert (own.value, own.met) == (1, True)


def test_an_edit_that_changes_nothing_fails_the_control() -> None:
    others, own = count_exports(BUILDER, (), ())
    assert others.met
    assert not own.met


def test_an_edit_outside_the_validator_is_an_error() -> None:
    edit = Edit("the validator", "v.py", validates=True)
    (row,) = count_exports(edit, (), ("models/a:x",))
    assert row.met
    with pytest.raises(ToolError, match="no program was validated after an edit of v.py"):
        count_exports(edit, (), ())


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
