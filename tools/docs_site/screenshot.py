"""Take the README's picture of the catalogue: `./pants run docs:screenshot`, after `package //:tree`.

Chromium or Chrome takes it, from the PATH or where CHROMIUM says; no lock has one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PICTURE = Path("docs/catalogue.png")
LARGEST = 200_000
"""Bytes. Every clone has the picture, in each of its versions."""

_PAGE = Path("dist/tree/index.html")
_SIZE = (1280, 800)
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SECONDS = 60


def take(root: Path) -> int:
    """Write the picture; 1 with a message if it cannot be taken."""
    page = root / _PAGE
    if not page.is_file():
        return _fail(f"there is no {_PAGE}: run `./pants --weights-source=seeded package //:tree`")
    browser = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        return _fail("there is no Chromium or Chrome on the PATH: install one, or set CHROMIUM")
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "catalogue.png"
        command = [
            *(browser, "--headless=new", "--hide-scrollbars", "--no-sandbox"),
            *(f"--user-data-dir={folder}/profile", f"--window-size={_SIZE[0]},{_SIZE[1]}"),
            *(f"--screenshot={picture}", page.resolve().as_uri()),
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        if done.returncode != 0 or not picture.is_file():
            return _fail(f"{browser} took no picture:\n{done.stderr[-2000:]}")
        size = picture.stat().st_size
        if size > LARGEST:
            return _fail(f"the picture has {size} bytes, more than {LARGEST}: take a smaller one")
        shutil.copyfile(picture, root / PICTURE)
    print(f"written: {PICTURE} ({size} bytes)")
    return 0


def main(arguments: Sequence[str]) -> int:
    if arguments:
        print(f"usage: ./pants run docs:screenshot    writes {PICTURE}")
        return 0 if arguments in (["--help"], ["-h"]) else 2
    return take(Path.cwd())


def _fail(reason: str) -> int:
    print(f"docs:screenshot: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
