from __future__ import annotations

from upgrade.command.changes import Change, lock_changes

HASH = f" \\\n    --hash=sha256:{'0' * 64}\n"


def test_changes() -> None:
    before = f"a==1{HASH}b==1{HASH}d==1 ; python_version < '3.11'{HASH}d==2{HASH}"
    after = f"# of another\na==1{HASH}c==3{HASH}d==2{HASH}"
    assert lock_changes(before, after) == [
        Change("b", "1", None),
        Change("c", None, "3"),
        Change("d", "1 ; python_version < '3.11', 2", "2"),
    ]
    assert lock_changes("", f"a==1{HASH}") == [Change("a", None, "1")]
