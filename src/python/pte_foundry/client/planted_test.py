"""What others plant in a cache that they can write to: nothing is written through it, and nothing of it returned."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pte_foundry.client.content import Content, has_content
from pte_foundry.client.errors import CacheError
from pte_foundry.client.files import create, make_folder, open_regular, open_to_append, remove
from pte_foundry.client.partial import Partial
from pte_foundry.client.store import Store

DATA = b"the bytes of a program"
CONTENT = Content(hashlib.sha256(DATA).hexdigest(), len(DATA))
SHA = CONTENT.sha256
SEALED = 1_000_000_000 * 10**9
PRECIOUS = b"precious"


def fill(partial: Partial) -> None:
    partial.begin("https://example.org/a", '"tag"')
    partial.append(DATA)


def go_on(partial: Partial) -> None:
    """As a download does: what is there already is added to."""
    if not partial.size:
        partial.begin("https://example.org/a", '"tag"')
    partial.append(DATA[partial.size :])


NAMES = [
    f"partial/{SHA}",
    f"partial/{SHA}.json",
    f"partial/{SHA}.json.partial",
    f"locks/{SHA}.lock",
    f"sha256/{SHA[:2]}/{SHA}",
]


def link(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def link_to_nothing(path: Path, victim: Path) -> None:
    path.symlink_to(victim.with_name("absent"))


def link_to_itself(path: Path, victim: Path) -> None:
    path.symlink_to(path)


def hard_link(path: Path, victim: Path) -> None:
    path.hardlink_to(victim)


def pipe(path: Path, victim: Path) -> None:
    os.mkfifo(path)


def folder(path: Path, victim: Path) -> None:
    path.mkdir()
    (path / "x").symlink_to(victim)


def unreadable(path: Path, victim: Path) -> None:
    path.touch()
    path.chmod(0)


PLANTS: tuple[Callable[[Path, Path], None], ...] = (
    *(link, link_to_nothing, link_to_itself, hard_link, pipe, folder, unreadable),
)


@pytest.fixture()
def victim(tmp_path: Path) -> Path:
    """A file of ours that an attacker wants changed."""
    path = tmp_path / "home" / "victim"
    path.parent.mkdir()
    path.write_bytes(PRECIOUS)
    path.chmod(0o640)
    return path


def untouched(victim: Path) -> bool:
    found = victim.lstat()
    return (
        victim.read_bytes() == PRECIOUS
        and stat.S_IMODE(found.st_mode) == 0o640
        and found.st_mtime_ns != SEALED
        and [path.name for path in victim.parent.iterdir()] == ["victim"]
    )


@pytest.mark.parametrize("filler", [fill, go_on])
@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("name", NAMES)
def test_what_stands_under_our_names_is_replaced_and_not_written_to(
    tmp_path: Path,
    victim: Path,
    name: str,
    plant: Callable[[Path, Path], None],
    filler: Callable[[Partial], None],
) -> None:
    store = Store(tmp_path / "cache")
    path = store.folder / name
    path.parent.mkdir(parents=True)
    plant(path, victim)
    found = store.obtain(CONTENT, filler)
    assert stat.S_ISREG(found.lstat().st_mode)
    assert found.read_bytes() == DATA
    assert untouched(victim)


@pytest.mark.parametrize("filler", [fill, go_on])
def test_a_link_to_the_right_bytes_is_not_returned(
    tmp_path: Path, filler: Callable[[Partial], None]
) -> None:
    """They could be others by the time that they are read."""
    store = Store(tmp_path / "cache")
    (tmp_path / "theirs").write_bytes(DATA)
    for name in (f"partial/{SHA}", f"sha256/{SHA[:2]}/{SHA}"):
        (store.folder / name).parent.mkdir(parents=True)
        (store.folder / name).symlink_to(tmp_path / "theirs")
    found = store.obtain(CONTENT, filler)
    assert stat.S_ISREG(found.lstat().st_mode)
    assert found.stat().st_nlink == 1
    (tmp_path / "theirs").write_bytes(b"changed")
    assert found.read_bytes() == DATA


@pytest.mark.parametrize("name", ["partial", "locks", "sha256", f"sha256/{SHA[:2]}"])
def test_a_folder_that_is_a_link_is_refused_and_nothing_is_written_there(
    tmp_path: Path, victim: Path, name: str
) -> None:
    store = Store(tmp_path / "cache")
    (store.folder / name).parent.mkdir(parents=True)
    (store.folder / name).symlink_to(victim.parent)
    with pytest.raises(CacheError, match=f"is a link; remove it; .*{name}"):
        store.obtain(CONTENT, fill)
    assert untouched(victim)


def test_the_cache_folder_itself_may_be_a_link_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "cache").symlink_to("disk")
    assert Store(tmp_path / "cache").obtain(CONTENT, fill).read_bytes() == DATA


def forge(store: Store) -> Path:
    """An entry of the right size and times with other bytes."""
    path = store.path(CONTENT)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove(path)
    path.write_bytes(DATA.upper())
    path.chmod(0o444)
    os.utime(path, ns=(SEALED, SEALED))
    return path


def shared(store: Store, path: Path, other: Path) -> None:
    path.parent.chmod(0o775)


def shared_above(store: Store, path: Path, other: Path) -> None:
    path.parent.parent.chmod(0o777)


def shared_root(store: Store, path: Path, other: Path) -> None:
    store.folder.chmod(0o1777)


def second_name(store: Store, path: Path, other: Path) -> None:
    other.hardlink_to(path)


def writable(store: Store, path: Path, other: Path) -> None:
    path.chmod(0o464)


def linked_folder(store: Store, path: Path, other: Path) -> None:
    path.parent.rename(other)
    path.parent.symlink_to(other)


@pytest.mark.parametrize(
    "change", [shared, shared_above, shared_root, second_name, writable, linked_folder]
)
def test_a_forged_entry_is_noticed_where_others_can_forge(
    tmp_path: Path, change: Callable[[Store, Path, Path], None]
) -> None:
    store = Store(tmp_path / "cache")
    path = forge(store)
    assert store.find(CONTENT) == path  # In a folder that is ours alone, the times are believed.
    change(store, path, tmp_path / "other")
    assert store.find(CONTENT) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_another_users_files_are_not_gone_on_with_and_not_believed(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    os.chown(forge(store), 65534, 65534)
    assert store.find(CONTENT) is None
    theirs = store.folder / "partial" / SHA
    theirs.parent.mkdir()
    theirs.write_bytes(DATA[:5])
    os.chown(theirs, 65534, 65534)
    found = store.obtain(CONTENT, go_on)
    assert found.stat().st_uid == 0
    assert found.read_bytes() == DATA


@pytest.mark.parametrize("plant", PLANTS)
def test_only_regular_files_are_opened(
    tmp_path: Path, victim: Path, plant: Callable[[Path, Path], None]
) -> None:
    path = tmp_path / "planted"
    plant(path, victim)
    if plant not in (hard_link, unreadable):
        with pytest.raises(OSError):
            open_regular(path)
        with pytest.raises(OSError):
            has_content(path, CONTENT)
    if plant is not unreadable:
        with pytest.raises(OSError):
            open_to_append(path)
    assert untouched(victim)


def test_a_device_is_not_read() -> None:
    with pytest.raises(OSError, match="no regular file"):
        has_content(Path("/dev/zero"), CONTENT)


def test_a_link_to_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with pytest.raises(OSError, match="no regular file"):
        open_regular(tmp_path / "link", follow=True)


def test_a_file_is_made_anew_and_a_folder_is_a_folder(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "link").symlink_to(victim)
    with create(tmp_path / "link") as file:
        file.write(b"x")
    assert (tmp_path / "link").read_bytes() == b"x"
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    for path in (tmp_path / "link", victim):
        with pytest.raises(OSError):
            make_folder(path)
    remove(tmp_path / "absent")
    assert untouched(victim)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"\xff[",
        b"[" * 100_000,
        b"[]",
        b'{"url": 1}',
        b'{"url": "u", "validator": 5}',
        b"{" * 10,
    ]
    + [
        b'{"url": "u", "validator": "\\"a\\r\\nHost: x\\""}',
        b'{"url": "u", "validator": "W/\\"a\\""}',
    ]
    + [b'{"url": "u", "validator": "\\"' + b"a" * 60_000 + b'\\""}'],
)
def test_a_record_that_is_none_has_no_validator(tmp_path: Path, record: bytes) -> None:
    partial = Partial(tmp_path / SHA, CONTENT)
    (tmp_path / f"{SHA}.json").write_bytes(record)
    assert partial.validator("u") is None


@pytest.mark.parametrize("tag", ['"abc"', '""', "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_sound_validator_is_kept(tmp_path: Path, tag: str) -> None:
    partial = Partial(tmp_path / SHA, CONTENT)
    partial.begin("u", tag)
    assert partial.validator("u") == tag
    assert partial.validator("v") is None


@pytest.mark.parametrize(
    "tag", ['"a\r\n b"', '"\xe9"', '"a', '"' + "a" * 60_000 + '"', "a\x1bb", ""]
)
def test_a_validator_that_is_none_is_not_kept(tmp_path: Path, tag: str) -> None:
    partial = Partial(tmp_path / SHA, CONTENT)
    partial.begin("u", tag)
    assert partial.validator("u") is None
