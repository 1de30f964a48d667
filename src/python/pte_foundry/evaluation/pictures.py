"""The pictures in a folder: all of them are decoded once, so that a bad one is named before any other work."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.errors import PteError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_NAMED = 10


@dataclass(frozen=True)
class Picture:
    """Attributes:
    name: its path relative to the folder, with `/`.
    sha256: of the file.
    size: height and width in pixels, upright as viewers show it.
    """

    name: str
    path: Path
    sha256: str
    size: tuple[int, int]


def find_pictures(folder: Path) -> tuple[Path, ...]:
    """The picture files in the folder and below, by name; hidden ones are left out.

    Raises:
        PteError: `bad-data-set` if it is no folder, or has none.
    """
    if not folder.is_dir():
        raise bad(f"{folder}: no such folder. Name the folder of the pictures with --images")
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not found:
        raise bad(
            f"{folder}: there is no picture in it or below, that is, no {', '.join(SUFFIXES)}"
        )
    return tuple(found)


def read_pictures(
    folder: Path, paths: Sequence[Path], done: Callable[[], None] = lambda: None
) -> tuple[Picture, ...]:
    """Decode and hash them.

    Args:
        done: called after each.

    Raises:
        PteError: `bad-data-set` naming those that cannot be decoded.
    """
    # Here, because only an evaluation needs it.
    from PIL import Image, ImageOps

    pictures, failed = [], []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        try:
            content = path.read_bytes()
            with Image.open(io.BytesIO(content)) as image:
                upright = ImageOps.exif_transpose(image)
                upright.load()
                size = upright.height, upright.width
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            failed.append(f"{name} ({reason(error)})")
        else:
            pictures.append(Picture(name, path, hashlib.sha256(content).hexdigest(), size))
        done()
    if failed:
        raise bad(f"{folder}: {some(failed)}: cannot be read as pictures. Repair or remove them")
    return tuple(pictures)


def reason(error: Exception) -> str:
    """In one line, without the address of an object in memory."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    return "it is no picture that Pillow knows" if "cannot identify" in text else text


def some(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def bad(message: str) -> PteError:
    return PteError("bad-data-set", message)
