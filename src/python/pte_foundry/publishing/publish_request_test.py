from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.publish_request import PublishRequest
from pte_foundry.publishing.repository import DirectoryRepository
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.publish_request import Permissions


def values(**changes: object) -> dict[str, Any]:
    return {
        "tree": "//:tree",
        "folder": "tree",
        "scratch": "scratch",
        "build_root": "/repo",
        "repositories": ["file:out"],
        "git_lfs": False,
        "allow": {"unofficial": True, "changed": False, "removed": False},
        **changes,
    }


def test_a_request() -> None:
    assert PublishRequest.read(Fields(values(), "request")) == PublishRequest(
        "//:tree",
        Path("tree"),
        Path("scratch"),
        (DirectoryRepository("file:out", Path("/repo/out")),),
        False,
        Permissions(unofficial=True, changed=False, removed=False),
    )


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
        PublishRequest.read(Fields(values(**changes), "request"))
