"""The wrapper `./foundry` at the root, with a `./pants` that prints how it was called."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

_PANTS = """\
#!/usr/bin/env python3
import json, os, sys
print(json.dumps([os.getcwd(), os.environ["PTE_FOUNDRY_CALLER"], sys.argv[1:]]))
sys.exit(7)
"""


@pytest.fixture()
def root(tmp_path: Path) -> Path:
    root = tmp_path / "a repository"
    (root / "in").mkdir(parents=True)
    shutil.copy("foundry", root)
    (root / "pants").write_text(_PANTS)
    (root / "pants").chmod(0o755)
    return root


def run(program: Path | str, folder: Path, *arguments: str) -> tuple[str, str, list[str]]:
    """Where `./pants` ran, where the user was, and its arguments."""
    done = subprocess.run(
        [str(program), *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 7, done.stderr
    where, caller, asked = json.loads(done.stdout)
    return where, caller, asked


def test_arguments_and_exit_code_are_passed_on(root: Path) -> None:
    given = ["fetch", "a b", "", "--to=*", "--", "$HOME", "'"]
    where, caller, asked = run("./foundry", root, *given)
    assert (where, caller) == (str(root), str(root))
    assert asked == ["run", "tools/foundry", "--", *given]


@pytest.mark.parametrize("place", ["in", "..", "../else where"])
def test_it_runs_from_any_folder(root: Path, place: str) -> None:
    folder = (root / place).resolve()
    folder.mkdir(exist_ok=True)
    for program in (root / "foundry", Path("../foundry")):
        if (folder / program).exists():
            where, caller, _ = run(program, folder, "locks")
            assert (where, caller) == (str(root), str(folder))


def test_it_runs_through_links(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "absolute").symlink_to(root / "foundry")
    (folder / "relative").symlink_to("../a repository/foundry")
    (folder / "of a link").symlink_to("relative")
    for name in ("absolute", "relative", "of a link"):
        assert run(folder / name, tmp_path, "locks")[0] == str(root)
        assert run(f"./{name}", folder, "locks")[0] == str(root)


def test_it_runs_as_a_script_of_bash(root: Path) -> None:
    done = subprocess.run(["bash", "foundry", "locks"], cwd=root, capture_output=True, text=True)
    assert done.returncode == 7 and str(root) in done.stdout
