"""The real uv installs an archive in the form of the real ones, from a folder in place of GitHub."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pins
import pytest
from interpreters import MANAGED, find_interpreter
from messages import PreparationError
from stand_in_builds import BUILDS, make_mirror

_HERE = Path(__file__).resolve().parent
_MINOR = sys.version_info[1]


def _uv() -> Path:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    assert found is not None, "no uv: install the package uv"
    return Path(found).absolute()


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `scripts`, whose pins fit the archive in `mirror`."""
    folder = tmp_path_factory.mktemp("machine")
    shutil.copytree(_HERE, folder / "scripts", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    make_mirror(folder / "mirror", folder / "scripts", {_MINOR: Path(sys.executable)})
    return folder


def _environment(folder: Path, home: Path, mirror: str) -> dict[str, str]:
    home.mkdir(exist_ok=True)
    return {
        "HOME": str(home),
        "PATH": f"{_uv().parent}{os.pathsep}{os.defpath}",
        "UV_PYTHON_INSTALL_MIRROR": mirror,
        # Only what it decides to put there counts, not the machine's own settings.
        "UV_NO_CONFIG": "1",
    }


def _fetch(
    folder: Path, cache: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(folder / "scripts" / "fetch_python.sh"), str(cache), str(_MINOR)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_interpreter_is_found_and_can_make_environments(mirror: Path, tmp_path: Path) -> None:
    cache, home = tmp_path / "cache", tmp_path / "home"
    environment = _environment(mirror, home, (mirror / "mirror").as_uri())
    done = _fetch(mirror, cache, environment)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        rf"pants: Fetching CPython 3\.{_MINOR}\.\d+ \(about 30 MB\) into .*, once\n", done.stderr
    )
    bare = {"HOME": str(home), "PATH": "/nonexistent"}
    found = find_interpreter(_MINOR, ("pip", "venv", "ensurepip", "ssl"), bare, cache)
    assert cache / MANAGED in found.executable.parents
    subprocess.run([found.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    # Nothing of the user's: no programs, no settings, no cache.
    assert list(home.iterdir()) == []
    assert sorted(path.name for path in cache.iterdir()) == [".lock", MANAGED]
    again = _fetch(mirror, cache, {**environment, "UV_PYTHON_INSTALL_MIRROR": "file:///nowhere"})
    assert (again.returncode, again.stderr) == (0, "")


def test_another_archive_than_the_pinned_one_is_refused(mirror: Path, tmp_path: Path) -> None:
    other = tmp_path / "mirror"
    shutil.copytree(mirror / "mirror", other)
    (archive,) = other.glob("*/*.tar.gz")
    with archive.open("ab") as file:
        file.write(b"more")
    done = _fetch(
        mirror, tmp_path / "cache", _environment(mirror, tmp_path / "home", other.as_uri())
    )
    assert done.returncode == 1
    said = r"cannot be fetched: error: Failed to install cpython-\S+: Hash mismatch for "
    assert re.search(said, done.stderr)
    with pytest.raises(PreparationError):
        find_interpreter(_MINOR, (), {"PATH": "/nonexistent"}, tmp_path / "cache")


def test_the_real_uv_knows_the_pins(tmp_path: Path) -> None:
    """Each build can be named for uv, whatever platform it is for; none of them is fetched."""
    listed = subprocess.run(
        [
            *(
                str(_uv()),
                "python",
                "list",
                "--all-arches",
                "--all-platforms",
                "--all-versions",
                "--only-downloads",
            ),
            *("--no-config", "--python-downloads-json-url", str(_HERE / BUILDS)),
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(tmp_path), "PATH": os.defpath},
    ).stdout
    assert sorted(line.split()[0] for line in listed.splitlines()) == sorted(pins.python_builds())
