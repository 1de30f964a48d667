"""docs/getting-started.md, word for word, on a machine without any Python and with nothing in HOME."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from interpreters import MANAGED, find_interpreter
from stand_in_builds import make_mirror

from documentation.markdown_text import commands
from end_to_end.clone import make_clone

# What a checkout has beyond the other tests' clones.
_DOCUMENTS = (".ci", ".github", "LICENSES", "docs", "examples", "tests")
_FILES = (".gitignore", ".gitlab-ci.yml", ".pre-commit-config.yaml")
PAGE = Path("docs/getting-started.md")
PROGRAM = "models/mobilenet/mobilenet_v3_small_xnnpack"
FIRST = "./pants --weights-source=seeded package models/mobilenet:mobilenet_v3_small_xnnpack"
# They take long, and .ci/run has them.
ELSEWHERE = {
    "./pants --weights-source=seeded package //:tree",
    "./pants --weights-source=seeded test models/mobilenet::",
}
# Without the host of the checkpoint it must say so.
OFFICIAL = "./pants package models/mobilenet:mobilenet_v3_small_xnnpack"
_PYTHONS = re.compile(r"(?:python|pypy|pip|pydoc|idle|uv|uvx|pyenv|conda)[\d.]*(?:-config)?")
_PASSED_ON = ("CURL_CA_BUNDLE", "HTTPS_PROXY", "PIP_", "REQUESTS_CA_BUNDLE", "SSL_CERT_")


@pytest.fixture()
def bare(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A checkout in a folder with a space, and the environment of a user who has only a shell and its tools."""
    root = make_clone(tmp_path / "my work" / "pte-foundry").root
    for name in _DOCUMENTS:
        shutil.copytree(name, root / name, dirs_exist_ok=True)
    for name in _FILES:
        shutil.copy(name, root)
    cache = Path(os.environ["HOME"], ".cache", "pte-foundry")
    interpreters = {
        minor: find_interpreter(minor, ("pip", "venv"), os.environ, cache).executable
        for minor in (9, 11)
    }
    mirror = make_mirror(tmp_path / "mirror", root / "tools" / "bootstrap", interpreters)
    programs = tmp_path / "bin"
    programs.mkdir()
    for folder in ("/usr/local/bin", "/usr/bin", "/bin"):
        for program in sorted(Path(folder).iterdir()):
            if not _PYTHONS.fullmatch(program.name) and not (programs / program.name).exists():
                (programs / program.name).symlink_to(program)
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    return root, {
        **environment,
        "HOME": str(home),
        "PATH": str(programs),
        "UV_PYTHON_INSTALL_MIRROR": mirror.as_uri(),
    }


def test_the_page_can_be_followed(bare: tuple[Path, dict[str, str]]) -> None:
    root, environment = bare
    typed = [each.text for each in commands(PAGE.read_text(encoding="utf-8")) if each.in_block]
    assert typed[:2] == ["./foundry doctor", FIRST]
    assert ELSEWHERE | {OFFICIAL} < set(typed)
    cache = Path(environment["HOME"], ".cache", "pte-foundry")
    try:
        for command in typed:
            if command in ELSEWHERE:
                continue
            code, said = run(command, root, environment)
            if command == OFFICIAL and code:
                assert "download.pytorch.org" in said, said
            else:
                assert code == 0, f"{command}\n{said}"
                assert "[WARN]" not in said, f"{command}\n{said}"
            if command == FIRST:
                check_first_program(root)
                assert run(command, root, environment)[0] == 0
        assert len(list((cache / MANAGED).glob("cpython-3.*.*/bin/python3"))) == 2
        # Nothing beside the caches.
        assert [path.name for path in Path(environment["HOME"]).iterdir()] == [".cache"]
    finally:
        for pid_file in root.glob(".pids/*/pantsd/pid"):
            subprocess.run(["kill", pid_file.read_text().strip()], check=False)


def run(command: str, root: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Type the command. Exit code, and all that was said."""
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-c", command],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        umask=0o077,
        check=False,
    )
    return done.returncode, done.stdout


def check_first_program(root: Path) -> None:
    """The same bytes as everywhere: those of the committed index."""
    report = json.loads((root / "dist" / f"{PROGRAM}.json").read_text())
    index = json.loads((root / "index.json").read_text())
    (entry,) = (each for each in index["models"] if each["name"] == f"{Path(PROGRAM).name}.pte")
    assert report["sha256"] == entry["hash"]
