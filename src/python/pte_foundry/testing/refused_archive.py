"""What loading says of an archive of an exported program that it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.exported_archive import load_exported_archive


def error_of(path: Path, content: bytes) -> PteError:
    """The error, which names the file and can be printed. `content` is written to `path`."""
    path.write_bytes(content)
    with pytest.raises(PteError) as caught:
        load_exported_archive(path)
    assert caught.value.message.startswith(f"{path.name}: ") and caught.value.message.isprintable()
    return caught.value
