from __future__ import annotations

import pytest

from bench.benchmarks.unaffected_edits import Edit, count_exports
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


def test_an_edit_of_no_part_of_the_validator_is_an_error() -> None:
    edit = Edit("the validator", "v.py", validates=True)
    (row,) = count_exports(edit, (), ("models/a:x",))
    assert row.met
    with pytest.raises(ToolError, match="no program was validated after an edit of v.py"):
        count_exports(edit, (), ())
