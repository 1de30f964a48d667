from __future__ import annotations

import os
from pathlib import Path

from doctor.disk.removable import find_removable, remove

NOW = 10_000_000.0
OLD = NOW - 25 * 3600


def sandbox(folder: Path, name: str, changed: float) -> Path:
    path = folder / name
    (path / "below").mkdir(parents=True)
    os.utime(path, (changed, changed))
    return path


def test_only_old_leftovers_that_nobody_uses_are_found_and_removed(tmp_path: Path) -> None:
    old = sandbox(tmp_path, "pants-sandbox-old", OLD)
    sandbox(tmp_path, "pants-sandbox-new", NOW - 3600)
    used = sandbox(tmp_path, "pants-sandbox-used", OLD)
    sandbox(tmp_path, "other", OLD)
    (tmp_path / "pants-sandbox-link").symlink_to(used)
    process = tmp_path / "proc" / "42"
    process.mkdir(parents=True)
    (process / "cwd").symlink_to(used / "below")
    partial = tmp_path / "client" / "partial"
    partial.mkdir(parents=True)
    for name, changed in (("a", OLD), ("b", NOW)):
        (partial / name).touch()
        os.utime(partial / name, (changed, changed))
    found = find_removable(tmp_path, tmp_path / "client", NOW, tmp_path / "proc")
    assert [each.path for each in found] == [partial / "a", old]
    for each in found:
        remove(each)
    assert not old.exists()
    assert sorted(path.name for path in partial.iterdir()) == ["b"]
    assert find_removable(tmp_path, tmp_path / "client", NOW, tmp_path / "proc") == []
