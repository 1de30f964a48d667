"""One machine that writes and one that reads, and builds of the tiny program that the reader has not seen.

Both keep their stores, so that toolchains are there; each variant of the builder is another program to export.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

from end_to_end.clone import Clone, Outcome
from remote_cache import tiny_program
from remote_cache.machine import Machine

SEEDED = "--weights-source=seeded"
_UNSCALED = "features.flatten(1)"


@dataclass
class Variants:
    """number: of the variant that is in both clones now."""

    writer: Machine
    reader: Machine
    number: int = 1

    def next(self) -> None:
        self.number += 1
        for machine in (self.writer, self.reader):
            file = machine.clone.root / tiny_program.BUILDER
            old = scaled(self.number - 1)
            text = file.read_text()
            assert text.count(old) == 1
            file.write_text(text.replace(old, scaled(self.number)))

    def write(self) -> bytes:
        """The writer's build of the next variant, which is in its cache afterwards; the bytes."""
        self.next()
        outcome = self.writer.package(SEEDED, "package", tiny_program.ADDRESS)
        assert outcome.exports == [tiny_program.ADDRESS]
        return self.writer.clone.dist_files()[tiny_program.PTE]

    def read(self, *goal: str, address: str | None = None) -> Outcome:
        """The reader's run, from an empty dist/. address: of another cache server than its own."""
        self.reader.clone.clear_dist()
        clone: Clone = self.reader.clone
        if address is not None:
            environment = {**clone.environment, "PANTS_REMOTE_STORE_ADDRESS": address}
            clone = dataclasses.replace(clone, environment=environment)
        return clone.run(SEEDED, *(goal or ("package", tiny_program.ADDRESS)))

    def reader_has(self, content: bytes) -> bool:
        return self.reader.clone.dist_files().get(tiny_program.PTE) == content


def scaled(number: int) -> str:
    return _UNSCALED if number == 1 else f"(features * {number}.0).flatten(1)"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def files_beside(folder: Path) -> set[str]:
    """All paths in a folder but those that Pants and git make."""
    skipped = {".git", ".pants.d", ".pids", "dist"}
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if not skipped & set(path.relative_to(folder).parts)
    }
