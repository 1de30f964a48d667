from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.publish_request import RequestedRelease

VALUES = {
    "tree": "//:tree",
    "folder": "tree",
    "scratch": "scratch",
    "build_root": "/repo",
    "repositories": ["file:out"],
    "git_lfs": False,
    "allow": {"unofficial": True, "changed": False, "removed": False},
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"repositories": []}, "`repositories`"),
        ({"repositories": ["file:a", "file:a"]}, "name each repository once"),
        ({"git_lfs": 1}, "`git_lfs` is 1, not true or false"),
        ({"allow": {"unofficial": True, "changed": False}}, "`removed` is missing"),
    ],
)
def test_a_bad_request(changes: dict[str, object], expected: str) -> None:
    with pytest.raises(PteError, match=expected):
        RequestedRelease.read(Fields({**VALUES, **changes}, "request"))
