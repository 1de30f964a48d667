"""Files that others plant in a cache are neither written to nor returned."""

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


def resume(partial: Partial) -> None:
    """As a download does: resume."""
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


def plant_folder(path: Path, victim: Path) -> None:
    path.mkdir()
    (path / "x").symlink_to(victim)


def plant_unreadable(path: Path, victim: Path) -> None:
    path.touch()
    path.chmod(0)


PLANTS: dict[str, Callable[[Path, Path], None]] = {
    "link": lambda path, victim: path.symlink_to(victim),
    "link-to-nothing": lambda path, victim: path.symlink_to(victim.with_name("absent")),
    "link-to-itself": lambda path, victim: path.symlink_to(path),
    "hard-link": lambda path, victim: path.hardlink_to(victim),
    "pipe": lambda path, victim: os.mkfifo(path),
    "folder": plant_folder,
    "unreadable": plant_unreadable,
}


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


@pytest.mark.parametrize("filler", [fill, resume])
@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_planted_file_is_replaced_and_not_written_to(
    tmp_path: Path,
    victim: Path,
    name: str,
    plant: str,
    filler: Callable[[Partial], None],
) -> None:
    store = Store(tmp_path / "cache")
    path = store.folder / name
    path.parent.mkdir(parents=True)
    PLANTS[plant](path, victim)
    found = store.obtain(CONTENT, filler)
    assert stat.S_ISREG(found.lstat().st_mode)
    assert found.read_bytes() == DATA
    assert untouched(victim)


@pytest.mark.parametrize("filler", [fill, resume])
def test_a_link_to_the_right_bytes_is_not_returned(
    tmp_path: Path, filler: Callable[[Partial], None]
) -> None:
    """They could change before they are read."""
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


def move_folder(store: Store, path: Path, other: Path) -> None:
    path.parent.rename(other)
    path.parent.symlink_to(other)


EXPOSURES: dict[str, Callable[[Store, Path, Path], None]] = {
    "shared": lambda store, path, other: path.parent.chmod(0o775),
    "shared-above": lambda store, path, other: path.parent.parent.chmod(0o777),
    "shared-root": lambda store, path, other: store.folder.chmod(0o1777),
    "second-name": lambda store, path, other: other.hardlink_to(path),
    "writable": lambda store, path, other: path.chmod(0o464),
    "linked-folder": move_folder,
}


@pytest.mark.parametrize("exposure", EXPOSURES)
def test_a_forged_entry_is_noticed_where_others_can_forge(tmp_path: Path, exposure: str) -> None:
    store = Store(tmp_path / "cache")
    path = forge(store)
    assert store.find(CONTENT) == path  # In a folder of ours alone, the times are trusted.
    EXPOSURES[exposure](store, path, tmp_path / "other")
    assert store.find(CONTENT) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_another_users_files_are_neither_resumed_nor_trusted(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    os.chown(forge(store), 65534, 65534)
    assert store.find(CONTENT) is None
    theirs = store.folder / "partial" / SHA
    theirs.parent.mkdir()
    theirs.write_bytes(DATA[:5])
    os.chown(theirs, 65534, 65534)
    found = store.obtain(CONTENT, resume)
    assert found.stat().st_uid == 0
    assert found.read_bytes() == DATA


@pytest.mark.parametrize("plant", PLANTS)
def test_only_regular_files_are_opened(tmp_path: Path, victim: Path, plant: str) -> None:
    path = tmp_path / "planted"
    PLANTS[plant](path, victim)
    if plant not in ("hard-link", "unreadable"):
        with pytest.raises(OSError):
            open_regular(path)
        with pytest.raises(OSError):
            has_content(path, CONTENT)
    if plant != "unreadable":
        with pytest.raises(OSError):
            open_to_append(path)
    assert untouched(victim)


def test_a_device_is_not_read() -> None:
    with pytest.raises(OSError, match="not a regular file"):
        has_content(Path("/dev/zero"), CONTENT)


def test_a_link_to_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with pytest.raises(OSError, match="not a regular file"):
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
        b'{"url": "u", "validator": "\\"a\\r\\nHost: x\\""}',
        b'{"url": "u", "validator": "W/\\"a\\""}',
        b'{"url": "u", "validator": "\\"' + b"a" * 60_000 + b'\\""}',
    ],
    ids=lambda record: ascii(record[:40]),
)
def test_a_malformed_record_has_no_validator(tmp_path: Path, record: bytes) -> None:
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
    "tag",
    ['"a\r\n b"', '"\xe9"', '"a', '"' + "a" * 60_000 + '"', "a\x1bb", ""],
    ids=lambda tag: ascii(tag[:20]),
)
def test_a_malformed_validator_is_not_kept(tmp_path: Path, tag: str) -> None:
    partial = Partial(tmp_path / SHA, CONTENT)
    partial.begin("u", tag)
    assert partial.validator("u") is None
