from __future__ import annotations

from upgrade.command.changes import UpgradeChange, lock_changes

HASH = f" \\\n    --hash=sha256:{'0' * 64}\n"


def test_changes() -> None:
    before = f"a==1{HASH}b==1{HASH}d==1 ; python_version < '3.11'{HASH}d==2{HASH}"
    after = f"# of another\na==1{HASH}c==3{HASH}d==2{HASH}"
    assert lock_changes(before, after) == [
        UpgradeChange("b", "1", None),
        UpgradeChange("c", None, "3"),
        UpgradeChange("d", "1 ; python_version < '3.11', 2", "2"),
    ]
    assert lock_changes("", f"a==1{HASH}") == [UpgradeChange("a", None, "1")]
