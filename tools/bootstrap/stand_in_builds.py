"""A mirror of python-build-standalone for tests: archives in its form, made from interpreters at hand."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

BUILDS = "python-builds.json"
_LEFT_OUT = ("__pycache__", "idlelib", "site-packages", "test", "tests", "turtledemo")
_RELEASES = "/releases/download/"


def make_mirror(folder: Path, scripts: Path, interpreters: Mapping[int, Path]) -> Path:
    """Writes an archive for each interpreter below `folder`, and its hash into `scripts/python-builds.json`.

    Args:
        scripts: a copy of tools/bootstrap.
        interpreters: minor version to the executable of a CPython 3.<minor> that has pip. It passes for the pinned
            patch version, which uv does not check.

    Returns:
        `folder`, for UV_PYTHON_INSTALL_MIRROR.
    """
    table = scripts / BUILDS
    builds = json.loads(table.read_text(encoding="utf-8"))
    system = "macos" if sys.platform == "darwin" else sys.platform
    machine = {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
    for minor, executable in interpreters.items():
        (name,) = (
            name
            for name in builds
            if name.startswith(f"cpython-3.{minor}.") and f"-{system}-{machine}-" in name
        )
        archive = folder / unquote(builds[name]["url"].partition(_RELEASES)[2])
        archive.parent.mkdir(parents=True, exist_ok=True)
        _write(archive, executable, minor)
        builds[name]["sha256"] = hashlib.sha256(archive.read_bytes()).hexdigest()
    table.write_text(json.dumps(builds, indent=2) + "\n", encoding="utf-8")
    return folder


def _write(archive: Path, executable: Path, minor: int) -> None:
    """What `*-install_only_stripped.tar.gz` has: `python/bin/python3`, `python/lib/python3.<minor>`, pip in it."""
    asked = "import os, sys; print(os.path.realpath(sys.executable)); print(sys.base_prefix)"
    answer = subprocess.run(
        [str(executable), "-EsS", "-c", asked], check=True, capture_output=True, text=True
    )
    program, prefix = answer.stdout.splitlines()
    name = f"python3.{minor}"
    library = Path(prefix, "lib", name)
    pip = sorted((library / "site-packages").glob("pip*"))
    assert pip, f"{executable} has no pip"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(program, f"python/bin/{name}")
        for alias in ("python3", "python"):
            link = tarfile.TarInfo(f"python/bin/{alias}")
            link.type, link.linkname = tarfile.SYMTYPE, name
            tar.addfile(link)
        for shared in sorted(Path(prefix, "lib").glob(f"libpython3.{minor}.*")):
            if shared.suffix != ".a":
                tar.add(shared, f"python/lib/{shared.name}")
        for path in sorted(library.iterdir()):
            if path.name not in _LEFT_OUT and not path.name.startswith("config-"):
                tar.add(path, f"python/lib/{name}/{path.name}", filter=_kept)
        for path in pip:
            tar.add(path, f"python/lib/{name}/site-packages/{path.name}", filter=_kept)


def _kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if Path(member.name).name in ("__pycache__", "test", "tests") else member
