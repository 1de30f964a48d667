from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from pte_foundry.client import store as store_module
from pte_foundry.client.content import Content
from pte_foundry.client.errors import CacheError, WrongContentError
from pte_foundry.client.partial import Partial
from pte_foundry.client.store import Store
from pte_foundry.testing.open_folder import open_folder

DATA = b"the bytes of a program"
CONTENT = Content(hashlib.sha256(DATA).hexdigest(), len(DATA))


def fill(partial: Partial) -> None:
    partial.begin("here", None)
    partial.append(DATA)


def never(_: Partial) -> None:
    pytest.fail("was filled again")


def damage(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def test_a_file_is_stored_under_its_hash_and_found_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    path = store.obtain(CONTENT, fill)
    assert path == tmp_path / "cache" / "sha256" / CONTENT.sha256[:2] / CONTENT.sha256
    assert path.read_bytes() == DATA
    assert path.stat().st_mode & 0o777 == 0o444
    assert store.obtain(CONTENT, never) == path
    assert list((tmp_path / "cache" / "partial").iterdir()) == []


@pytest.mark.parametrize("content", [b"", DATA[:-1], DATA + b"x", DATA.upper()])
def test_a_damaged_entry_is_noticed_and_repaired(tmp_path: Path, content: bytes) -> None:
    store = Store(tmp_path)
    path = store.obtain(CONTENT, fill)
    damage(path, content)
    assert store.find(CONTENT) is None
    assert store.obtain(CONTENT, fill).read_bytes() == DATA


def test_always_hash_finds_damage_without_a_trace(tmp_path: Path) -> None:
    path = Store(tmp_path).obtain(CONTENT, fill)
    times = path.stat().st_mtime_ns
    damage(path, DATA.upper())
    os.utime(path, ns=(times, times))
    assert Store(tmp_path).find(CONTENT) == path
    store = Store(tmp_path, always_hash=True)
    assert store.find(CONTENT) is None
    assert store.obtain(CONTENT, fill).read_bytes() == DATA


def test_an_entry_whose_time_changed_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    path = store.obtain(CONTENT, fill)
    path.touch()
    assert store.find(CONTENT) == path
    monkeypatch.setattr(store_module, "has_content", lambda *_: pytest.fail("read again"))
    assert store.find(CONTENT) == path


def test_the_next_fill_gets_what_a_failed_one_left(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def half(partial: Partial) -> None:
        partial.begin("here", None)
        partial.append(DATA[:5])
        raise KeyboardInterrupt

    def rest(partial: Partial) -> None:
        assert partial.size == 5
        partial.append(DATA[5:])

    with pytest.raises(KeyboardInterrupt):
        store.obtain(CONTENT, half)
    assert store.find(CONTENT) is None
    assert store.obtain(CONTENT, rest).read_bytes() == DATA


def test_an_index_that_is_wrong_about_the_size_does_no_harm(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = store.obtain(CONTENT, fill)

    def refuse(_: Partial) -> None:
        raise WrongContentError("no such file")

    with pytest.raises(WrongContentError):
        store.obtain(Content(CONTENT.sha256, CONTENT.size + 1), refuse)
    assert store.obtain(CONTENT, never) == path


def test_an_incomplete_file_is_not_stored(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def wrong(partial: Partial) -> None:
        partial.begin("here", None)
        partial.append(DATA.upper())

    with pytest.raises(RuntimeError, match="is incomplete"):
        store.obtain(CONTENT, wrong)
    assert not store.path(CONTENT).exists()


def test_threads_fill_once(tmp_path: Path) -> None:
    started, go_on = threading.Event(), threading.Event()
    paths: list[Path] = []

    def slow(partial: Partial) -> None:
        started.set()
        assert go_on.wait(30)
        fill(partial)

    first = threading.Thread(
        target=lambda: paths.append(Store(tmp_path).obtain(CONTENT, slow)), daemon=True
    )
    first.start()
    assert started.wait(30)
    second = threading.Thread(
        target=lambda: paths.append(Store(tmp_path).obtain(CONTENT, never)), daemon=True
    )
    second.start()
    go_on.set()
    for thread in (first, second):
        thread.join(30)
    assert paths == [Store(tmp_path).path(CONTENT)] * 2


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_reported_with_a_remedy(tmp_path: Path, number: int) -> None:
    def full(partial: Partial) -> None:
        partial.begin("here", None)
        partial.append(DATA[:5])
        raise OSError(number, os.strerror(number), str(partial.path))

    store = Store(tmp_path)
    with pytest.raises(CacheError, match="is full .*another disk") as caught:
        store.obtain(CONTENT, full)
    assert caught.value.kind == "cache-unusable"
    assert store.find(CONTENT) is None
    assert store.obtain(CONTENT, fill).read_bytes() == DATA


def test_a_file_that_does_not_fit_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = SimpleNamespace(free=len(DATA) - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    store = Store(tmp_path)
    with pytest.raises(CacheError, match=f"{len(DATA)} bytes are needed, {len(DATA) - 1} are free"):
        store.obtain(CONTENT, never)
    free.free += 1
    assert store.obtain(CONTENT, fill).read_bytes() == DATA


def test_a_lock_that_is_never_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_LOCK_SECONDS", 0.0)

    def again(partial: Partial) -> None:
        Store(tmp_path).obtain(CONTENT, never)

    with pytest.raises(CacheError, match="another process has held the lock"):
        Store(tmp_path).obtain(CONTENT, again)


@contextmanager
def without_rights(*folders: Path) -> Iterator[None]:
    """As a user who may read these folders and write to none of them."""
    for folder in folders:
        folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for folder in folders:
            folder.chmod(0o755)


@pytest.fixture()
def shared() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


def test_a_read_only_cache_serves_what_it_has_and_refuses_the_rest(shared: Path) -> None:
    store = Store(shared)
    path = store.obtain(CONTENT, fill)
    path.touch()  # So that it is hashed, and its time cannot be set again.
    folders = [shared, *(each for each in shared.rglob("*") if each.is_dir())]
    other = Content(hashlib.sha256(b"x").hexdigest(), 1)
    with without_rights(*folders):
        assert store.obtain(CONTENT, never) == path
        with pytest.raises(CacheError, match="cannot be used .*Make it writable"):
            store.obtain(other, never)
    damage(path, DATA.upper())
    with without_rights(*folders), pytest.raises(CacheError, match="Make it writable"):
        store.obtain(CONTENT, never)


def test_a_cache_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(CacheError, match="cannot be used"):
        Store(tmp_path / "cache").obtain(CONTENT, never)
