"""An incomplete download, kept on disk so that it can be resumed after any interruption."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from pte_foundry.client.content import Content, has_content
from pte_foundry.client.files import create, is_ours, open_regular, open_to_append, remove
from pte_foundry.records.json_files import canonical_json, parse_json

_LARGEST_RECORD = 1 << 16
# A strong ETag (RFC 9110, section 8.8.3) or a date; neither can be another header.
_VALIDATOR = re.compile(r'"[\x21\x23-\x7e]{0,500}"|[A-Za-z0-9,: +-]{1,64}')


class Partial:
    """The bytes that have arrived, and the server's validator (an ETag or a date) for them.

    Use it under the content's lock. Any method may raise OSError. None writes to a planted file.
    """

    def __init__(self, path: Path, content: Content) -> None:
        self.path = path
        self.content = content
        self._record = path.with_name(path.name + ".json")
        self._matches = False

    @property
    def size(self) -> int:
        """Bytes that have arrived; 0 if there is no file."""
        try:
            return self.path.lstat().st_size
        except FileNotFoundError:
            return 0

    def recover(self) -> None:
        """Keep what a killed process left if it can be resumed; remove anything else.

        A complete file stays. What cannot be appended to is removed: a file that was made read-only before it was
        checked, another user's file, a link, a pipe, a folder.
        """
        try:
            status = self.path.lstat()
        except FileNotFoundError:
            return
        readable, writable = status.st_mode & stat.S_IRUSR, status.st_mode & stat.S_IWUSR
        ours = stat.S_ISREG(status.st_mode) and is_ours(status) and readable
        if not ours or not (writable or self.matches()):
            self.discard()

    def validator(self, url: str) -> str | None:
        """The validator given to `begin`; None if the bytes came from another address."""
        try:
            with open_regular(self._record) as file:
                record = parse_json(file.read(_LARGEST_RECORD))
        except (OSError, ValueError):
            return None
        if not isinstance(record, dict) or record.get("url") != url:
            return None
        return _sound(record.get("validator"))

    def begin(self, url: str, validator: str | None) -> None:
        """Start over with an empty file. A malformed validator counts as None."""
        self._matches = False
        # In this order: a validator must never accompany the bytes of another file.
        remove(self._record)
        create(self.path).close()
        record = canonical_json({"url": url, "validator": _sound(validator)})
        with create(self._record) as file:
            file.write(record.encode())

    def append(self, block: bytes) -> None:
        """Add bytes, which outlive this process."""
        self._matches = False
        with open_to_append(self.path) as file:
            file.write(block)

    def matches(self) -> bool:
        """Whether the file on disk is the whole content; a match is remembered until the next change."""
        if not self._matches:
            try:
                self._matches = has_content(self.path, self.content)
            except FileNotFoundError:
                return False
        return self._matches

    def beginning(self) -> bytes:
        """The first bytes, for a message."""
        with open_regular(self.path) as file:
            return file.read(64)

    def discard(self) -> None:
        self._matches = False
        remove(self._record)
        remove(self.path)

    def move_to(self, final: Path, modified_ns: int) -> None:
        """Rename the file atomically, read-only and synced to the disk.

        modified_ns: its new modification time, in nanoseconds since 1970.

        Raises:
            RuntimeError: the file is not complete, which is a bug in the caller.
        """
        if not self.matches():
            raise RuntimeError(f"{self.path} is incomplete")
        self.path.chmod(0o444)
        with open_regular(self.path) as file:
            os.utime(self.path, ns=(modified_ns, modified_ns))
            os.fsync(file.fileno())
        # First, so that a kill leaves no record behind: a complete file needs none.
        remove(self._record)
        os.replace(self.path, final)


def _sound(validator: object) -> str | None:
    if isinstance(validator, str) and _VALIDATOR.fullmatch(validator):
        return validator
    return None
