"""What the launcher does when files that it has made are damaged, and where it is started from."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from fake_machine import FakeMachine, add_python, make_machine

_RAN = "pants ran hello\n"
_PREPARED = [
    "environment/*.sh",
    "pants-*/bin/pants",
    "pants-*/bin/python",
    "pants-*/lib/python3.9/site-packages/*.dist-info/RECORD",
    "pex-cli/*/pex",
    "wheels/torch.whl",
]


def _only(machine: FakeMachine, pattern: str) -> Path:
    (path,) = machine.cache.glob(pattern)
    return path


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


@pytest.mark.parametrize("pattern", _PREPARED)
@pytest.mark.parametrize(
    "damage", [_halved, _emptied, _forbidden, _replaced_by_a_folder, _replaced_by_a_broken_link]
)
def test_a_damaged_file_is_made_again(tmp_path: Path, pattern: str, damage: object) -> None:
    if damage is _forbidden and pattern.endswith((".whl", "RECORD", "pex")) and os.getuid() == 0:
        pytest.skip("root may read everything")
    machine = make_machine(tmp_path)
    before = machine.run()
    assert callable(damage)
    content = _only(machine, pattern).read_bytes()
    damage(_only(machine, pattern))
    after = machine.run()
    assert after.returncode == 0, after.stderr
    assert after.stdout == before.stdout
    assert _only(machine, pattern).read_bytes() == content
    again = machine.run()
    assert (again.stdout, again.stderr) == (before.stdout, "")


@pytest.mark.parametrize("length", [1, 20, 200, 500, -2, -8, -30])
def test_an_environment_file_that_was_cut_off_has_no_effect(tmp_path: Path, length: int) -> None:
    machine = make_machine(tmp_path)
    before = machine.run()
    file = _only(machine, "environment/*.sh")
    os.truncate(file, length % file.stat().st_size)
    after = machine.run()
    assert (after.returncode, after.stdout, after.stderr) == (0, before.stdout, "")


def test_missing_modules_are_installed_again(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    machine.run()
    module = _only(machine, "pants-*/lib/python3.9/site-packages/pants/module.py")
    module.unlink()
    # As start_pants.py does, when Pants has failed.
    _only(machine, "pants-*/bin/pants").unlink()
    assert machine.run().stdout.startswith(_RAN)
    assert module.exists()


def test_an_interpreter_of_another_size_prepares_again(tmp_path: Path) -> None:
    """An upgrade in place. One at another path is another interpreter."""
    machine = make_machine(tmp_path)
    machine.run()
    calls = len(machine.calls())
    path = tmp_path / "bin" / "python3.9"
    path.write_text(path.read_text() + "# of another version\n")
    assert machine.run().stdout.startswith(_RAN)
    assert len(machine.calls()) > calls
    path.unlink()
    gone = machine.run()
    assert gone.returncode == 1 and "no CPython 3.9 found" in gone.stderr
    add_python(machine, 9)
    assert machine.run().stdout.startswith(_RAN)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_warm_start_needs_no_write(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    machine.run()
    for folder, _, _ in os.walk(machine.cache):
        os.chmod(folder, 0o555)
    try:
        assert machine.run().stdout.startswith(_RAN)
        damaged = machine.run(PIP_INDEX_URL="https://other")
        assert damaged.returncode == 1
        assert "cannot use the cache folder" in damaged.stderr
    finally:
        for folder, _, _ in os.walk(machine.cache):
            os.chmod(folder, 0o755)


@pytest.mark.parametrize("character", [":", "'", "\n"])
def test_a_checkout_that_cannot_work_is_refused(tmp_path: Path, character: str) -> None:
    machine = make_machine(tmp_path)
    folder = tmp_path / f"a{character}b"
    shutil.copytree(tmp_path / "repo", folder)
    for command in (
        ("bash", str(folder / "pants")),
        ("bash", "-c", '. "$0"', str(folder / ".pants.bootstrap")),
    ):
        finished = machine.run(*command)
        assert finished.returncode == 1
        assert "Move it to another folder" in finished.stderr
    assert machine.calls() == []


@pytest.mark.parametrize("name", ["a b", "ü", "a+b,c=d", "a$b", "a%b", "a;b", "-a"])
def test_other_names_of_checkouts_are_no_problem_of_the_launcher(tmp_path: Path, name: str) -> None:
    machine = make_machine(tmp_path)
    folder = tmp_path / name
    shutil.copytree(tmp_path / "repo", folder)
    assert machine.run("bash", str(folder / "pants"), "hello").stdout.startswith(_RAN)


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
def test_the_ways_to_start_it(tmp_path: Path, command: str) -> None:
    machine = make_machine(tmp_path)
    (tmp_path / "bin" / "ln").symlink_to(shutil.which("ln") or "ln")
    finished = machine.run("bash", "-c", command)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("pants ran ")
