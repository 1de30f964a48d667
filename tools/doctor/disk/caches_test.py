from __future__ import annotations

import os
from pathlib import Path

from doctor.disk.caches import client_cache, find_caches, size_on_disk
from doctor.facts.pants_options import read_options
from pte_foundry.client.store import default_cache


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


def test_the_folders_are_those_of_the_session(tmp_path: Path) -> None:
    environment = {
        "HOME": "/home/me",
        "PANTS_LOCAL_STORE_DIR": "/store",
        "PANTS_NAMED_CACHES_DIR": "/named",
        "PTE_FOUNDRY_CACHE": "/launcher",
    }
    found = find_caches(read_options(tmp_path, environment), environment)
    assert [str(each.folder) for each in found[:4]] == [
        "/store",
        "/named",
        "/named/pex_root",
        "/launcher",
    ]


def test_the_client_has_its_cache_where_the_client_says() -> None:
    assert client_cache(os.environ) == default_cache()
