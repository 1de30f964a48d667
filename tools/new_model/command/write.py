"""Put a new model's files in place: all of them, or none."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pin_weights.command.content import CheckpointContent, content_of_file
from workspace.atomic_file import replacing
from workspace.errors import ToolError


def write_model(
    folder: Path,
    texts: Mapping[str, str],
    source: Path,
    destination: Path,
    content: CheckpointContent,
    files: Mapping[str, Path],
) -> None:
    """Copy the checkpoint from `source` to `destination`, and make `folder` with these texts and files.

    Raises what `copy_checkpoint` and `write_folder` raise; then neither has been made.
    """
    copied = copy_checkpoint(source, destination, content)
    try:
        write_folder(folder, texts, files)
    except BaseException:
        if copied:
            destination.unlink()
        raise


def copy_checkpoint(source: Path, destination: Path, content: CheckpointContent) -> bool:
    """Copy, unless the file is there already, under any name; tells whether it was copied.

    Raises ToolError if another file has the name, or if the source changes meanwhile.
    """
    if source.resolve().parent == destination.parent.resolve():
        return False  # Builds find it by its content.
    if destination.exists():
        if content_of_file(destination) == content:
            return False
        raise ToolError(
            f"{destination} exists, with other content. Choose another --name, or remove that file"
        )
    destination.parent.mkdir(parents=True, exist_ok=True)
    with replacing(destination) as temporary:
        shutil.copyfile(source, temporary)
        if content_of_file(temporary) != content:
            raise ToolError(f"{source} changed while it was copied. Try again")
    return True


def write_folder(folder: Path, texts: Mapping[str, str], files: Mapping[str, Path]) -> None:
    """Make `folder`, which does not exist yet, with these texts, and with copies of these files."""
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name, text in texts.items():
            (made / name).write_text(text, encoding="utf-8")
        for name, file in files.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, made / name)
        made.chmod(0o755)
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
