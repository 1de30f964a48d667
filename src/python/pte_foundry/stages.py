"""Report which stage a long process is in, while it runs (standard library only).

A stage goes to stderr. Pants shows that only after the end, so under Pants it goes to a file too, in a
folder that the plugin reads meanwhile (the plugin's `pte_build/progress/stage_files.py`).
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

# Names the folder of the files; set by the plugin.
FOLDER_VARIABLE = "PTE_PROGRESS"

# Called with the name of a stage when it begins, e.g. "lowering with pte_foundry.backends.coreml.lowering".
Begin = Callable[[str], None]

# Pants. Read early: a confined process continues in a child, which cannot see who started it.
_STARTED_BY = os.getppid()


def tell(stage: str) -> None:
    """Say on stderr that a stage begins."""
    print(f"stage: {stage}", file=sys.stderr, flush=True)


@contextmanager
def report_stages(request: bytes) -> Iterator[Begin]:
    """Report the stages of a `with` block, on stderr and in the file of this process.

    A line of the file is the seconds since the epoch and the stage's name; the last one has no name,
    and is there only if the block ended without an exception. The file is named after the SHA-256
    of `request`, which does not say where it came from, and the process that started this one: two
    sessions of Pants may run equal requests at once.

    Args:
        request: the content of the request file.
    """
    with _stage_file(request) as file:

        def begin(stage: str) -> None:
            tell(stage)
            _write(file, stage)

        yield begin
        _write(file, "")


@contextmanager
def _stage_file(request: bytes) -> Iterator[TextIO | None]:
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None:
        yield None
        return
    name = f"{hashlib.sha256(request).hexdigest()}-{_STARTED_BY}"
    try:
        file = (Path(folder) / name).open("w", encoding="utf-8")
    except OSError as error:
        # No artifact depends on it.
        print(f"stages are reported here only: {error}", file=sys.stderr)
        yield None
        return
    with file:
        yield file


def _write(file: TextIO | None, stage: str) -> None:
    if file is not None:
        print(f"{time.time():.3f} {stage}", file=file, flush=True)
