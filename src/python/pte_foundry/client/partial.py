"""A download that is not complete yet, kept on disk so that it can go on after anything."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from pte_foundry.client.content import Content, has_content
from pte_foundry.reporting.json_files import write_json


class Partial:
    """The bytes that have arrived, and the server's validator (an ETag or a date) of their file.

    Only who holds the content's lock may use it. Every method may raise OSError.
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
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def validator(self, url: str) -> str | None:
        """What `begin` was told about this address; None where the bytes came from another one."""
        try:
            record = json.loads(self._record.read_bytes())
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        if not isinstance(record, dict) or record.get("url") != url:
            return None
        value = record.get("validator")
        return value if isinstance(value, str) else None

    def begin(self, url: str, validator: str | None) -> None:
        """Start anew with an empty file."""
        self._matches = False
        # In this order: a validator must never stand beside the bytes of another file.
        self._record.unlink(missing_ok=True)
        self.path.write_bytes(b"")
        write_json(self._record, {"url": url, "validator": validator})

    def append(self, block: bytes) -> None:
        """Add bytes; they survive the end of this process."""
        self._matches = False
        with self.path.open("ab") as file:
            file.write(block)

    def matches(self) -> bool:
        """Whether what is on disk is the whole content, read back once after the last `append`."""
        if not self._matches:
            self._matches = self.path.is_file() and has_content(self.path, self.content)
        return self._matches

    def beginning(self) -> bytes:
        """The first bytes, for a message."""
        with self.path.open("rb") as file:
            return file.read(64)

    def discard(self) -> None:
        self._matches = False
        self._record.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def move_to(self, final: Path) -> None:
        """Give the file its final name, at once, on a disk that has all of it.

        Raises:
            RuntimeError: the file is not complete, which is a defect of the caller.
        """
        if not self.matches():
            raise RuntimeError(f"{self.path} is not what it should be")
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(self.path, final)
        with suppress(OSError):  # The next `begin` removes it as well.
            self._record.unlink(missing_ok=True)
