from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.testing.provenance import LOCK, read_origin


def test_the_lockfiles_of_all_programs_are_told_once() -> None:
    assert read_origin().lockfiles == (LOCK,)
    assert read_origin(source_commit="0a" * 20).source_commit == "0a" * 20


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"source_commit": "main"}, "`source_commit` is 'main'"),
        ({"source_commit": "0A" * 20}, "hexadecimal digits"),
        ({"source_commit": "0" * 41}, "hexadecimal digits"),
        ({"builder": "my machine"}, "`builder` is 'my machine', not a URI"),
        ({"target": ""}, "`target`"),
        ({"locks": {"models/a:b": ["../x"]}}, "no plain relative path"),
    ],
)
def test_a_wrong_origin_is_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(PteError, match=reason):
        read_origin(**changes)
