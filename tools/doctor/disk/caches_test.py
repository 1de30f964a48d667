from __future__ import annotations

import os
from pathlib import Path

from doctor.disk.caches import find_caches, size_on_disk


def test_links_count_once_and_symlinks_are_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    (folder / "below").mkdir(parents=True)
    empty = size_on_disk(folder)
    (folder / "below" / "a").write_bytes(b"x" * 100_000)
    one = size_on_disk(folder)
    assert 100_000 <= one - empty <= 200_000
    os.link(folder / "below" / "a", folder / "b")
    (tmp_path / "big").write_bytes(b"x" * 1_000_000)
    (folder / "c").symlink_to(tmp_path / "big")
    assert size_on_disk(folder) - one < 10_000
    assert size_on_disk(tmp_path / "absent") == 0


def test_the_folders_are_those_of_the_session() -> None:
    options = {"": {"local_store_dir": "/store", "named_caches_dir": "/named"}}
    environment = {"HOME": "/home/me", "PTE_FOUNDRY_CACHE": "/launcher"}
    store, named, environments, launcher, client = find_caches(options, environment)
    assert [str(each.folder) for each in (store, named, environments, launcher)] == [
        "/store",
        "/named",
        "/named/pex_root",
        "/launcher",
    ]
    assert client.folder.name == "artifacts"
