"""A folder that every user of the machine can reach."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def open_folder() -> Iterator[Path]:
    """A new folder that every user can read and write to, deleted at the end.

    Not below pytest's own folder: each pytest that starts closes that one to other users, also
    while the tests of another one are running.
    """
    folder = Path(tempfile.mkdtemp(prefix="open-"))
    try:
        folder.chmod(0o777)
        yield folder
    finally:
        shutil.rmtree(folder)
