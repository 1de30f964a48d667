"""The launcher when its files are damaged, and the places it is started from."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_machine import FakeMachine, add_python

_RAN = "pants ran hello\n"


def _halved(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _emptied(path: Path) -> None:
    os.truncate(path, 0)


def _forbidden(path: Path) -> None:
    path.chmod(0)


def _replaced_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _replaced_by_a_broken_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def _deleted(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


_DAMAGES: dict[str, tuple[Callable[[Path], None], ...]] = {
    "environment/*-with-pants.sh": (
        *(_halved, _emptied, _forbidden, _replaced_by_a_folder, _replaced_by_a_broken_link),
    ),
    "pants-*": (_deleted,),
    "pants-*/bin/pants": (_halved, _emptied, _forbidden, _replaced_by_a_folder, _deleted),
    "pants-*/bin/python": (_halved, _forbidden, _replaced_by_a_broken_link),
    "pants-*/lib/python3.9/site-packages/*.dist-info/RECORD": (_halved, _emptied),
    "pex-cli": (_deleted,),
    "pex-cli/*/pex": (_halved, _replaced_by_a_folder, _replaced_by_a_broken_link),
    "wheels": (_deleted,),
    "wheels/torch.whl": (_halved, _replaced_by_a_folder),
}


@pytest.mark.parametrize(
    ("pattern", "damage"),
    [(pattern, damage) for pattern, damages in _DAMAGES.items() for damage in damages],
)
def test_a_damaged_file_is_made_again(
    prepared: FakeMachine, pattern: str, damage: Callable[[Path], None]
) -> None:
    before = prepared.run()
    path = prepared.only(pattern)
    content = path.read_bytes() if path.is_file() else b""
    damage(path)
    after = prepared.run()
    assert after.returncode == 0, after.stderr
    assert after.stdout == before.stdout
    assert path.exists()
    assert (path.read_bytes() if path.is_file() else b"") == content
    again = prepared.run()
    assert (again.stdout, again.stderr) == (before.stdout, "")


@pytest.mark.parametrize("length", [1, 200, -2, -30])
def test_a_truncated_environment_file_has_no_effect(prepared: FakeMachine, length: int) -> None:
    before = prepared.run()
    file = prepared.only("environment/*-with-pants.sh")
    os.truncate(file, length % file.stat().st_size)
    after = prepared.run()
    assert (after.returncode, after.stdout, after.stderr) == (0, before.stdout, "")


def test_missing_modules_are_installed_again(prepared: FakeMachine) -> None:
    module = prepared.only("pants-*/lib/python3.9/site-packages/pants/module.py")
    module.unlink()
    # As start_pants.py does, when Pants has failed.
    prepared.only("pants-*/bin/pants").unlink()
    assert prepared.run().stdout.startswith(_RAN)
    assert module.exists()


def test_an_interpreter_of_another_size_prepares_again(prepared: FakeMachine) -> None:
    """As after an upgrade in place. At another path it is another interpreter."""
    calls = len(prepared.calls())
    path = prepared.folder / "bin" / "python3.9"
    path.write_text(path.read_text() + "# of another version\n")
    assert prepared.run().stdout.startswith(_RAN)
    assert len(prepared.calls()) > calls
    path.unlink()
    gone = prepared.run()
    assert gone.returncode == 1 and "CPython 3.9.25 is not on this machine" in gone.stderr
    add_python(prepared, 9)
    assert prepared.run().stdout.startswith(_RAN)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_warm_start_needs_no_write(prepared: FakeMachine) -> None:
    for folder, _, _ in os.walk(prepared.cache):
        os.chmod(folder, 0o555)
    try:
        assert prepared.run().stdout.startswith(_RAN)
        damaged = prepared.run(PIP_INDEX_URL="https://other")
        assert damaged.returncode == 1
        assert "cannot use the cache folder" in damaged.stderr
    finally:
        for folder, _, _ in os.walk(prepared.cache):
            os.chmod(folder, 0o755)


@pytest.mark.parametrize("character", [":", "'", "\n"])
def test_a_checkout_that_cannot_work_is_refused(prepared: FakeMachine, character: str) -> None:
    calls = prepared.calls()
    folder = prepared.folder / f"a{character}b"
    shutil.copytree(prepared.folder / "repo", folder)
    for command in (
        ("bash", str(folder / "pants")),
        ("bash", "-c", '. "$0"', str(folder / ".pants.bootstrap")),
    ):
        finished = prepared.run(*command)
        assert finished.returncode == 1
        assert "Move it to another folder" in finished.stderr
    assert prepared.calls() == calls


@pytest.mark.parametrize("name", ["a b", "ü", "a+b,c=d", "a$b", "a%b", "a;b", "-a"])
def test_other_names_of_checkouts_work(prepared: FakeMachine, name: str) -> None:
    folder = prepared.folder / name
    shutil.copytree(prepared.folder / "repo", folder)
    assert prepared.run("bash", str(folder / "pants"), "hello").stdout.startswith(_RAN)


@pytest.mark.parametrize(
    "command",
    [
        "cd repo && ./pants hello",
        "cd repo && bash pants hello",
        "cd repo && bash ./pants hello",
        "cd repo/tools && ../pants hello",
        "ln repo/pants -s link && ./link hello",
        "ln repo/pants -s link && bash link hello",
        "ln repo/pants -s link && ln -s ../link home/link && home/link hello",
        "ln $PWD/repo/pants -s home/link && home/link hello",
        "ln $PWD/repo/pants -s home/link && PATH=$PWD/home:$PATH && link hello",
        "ln -s repo folder && folder/pants hello",
        "set -eu; cd repo && . .pants.bootstrap && echo pants ran $PANTS_PEX_CLI_VERSION",
    ],
)
def test_the_ways_to_start_it(prepared: FakeMachine, command: str) -> None:
    (prepared.folder / "bin" / "ln").symlink_to(shutil.which("ln") or "ln")
    finished = prepared.run("bash", "-c", command)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("pants ran ")
