"""The tree of files of a confined process, where the kernel lets it mount."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pte_foundry.confinement.kernel import check, libc, mount
from pte_foundry.confinement.namespaces import enter_user_namespace
from pte_foundry.testing.canary import LANDLOCK, run_canary

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has mount namespaces")
_CLONE_NEWNS = 0x00020000


def _skip_without_a_tree(run: subprocess.CompletedProcess[str]) -> None:
    if " namespaces (" in run.stderr:
        pytest.skip(f"this machine allows no mounts: {run.stderr}")
    assert "files: own tree" in run.stderr, run.stderr


def test_everything_but_the_sandbox_is_mounted_read_only_and_sets_no_user(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "input").write_text("declared")
    run = run_canary(tmp_path, "print(open('/proc/self/mountinfo').read())")
    _skip_without_a_tree(run)
    options = {}
    for line in run.stdout.strip().splitlines():
        fields = line.split(" ")
        options[fields[4]] = fields[5].split(",")
    assert {path for path, each in options.items() if "rw" in each} == {str(tmp_path)}
    assert all("nosuid" in each for each in options.values())
    assert {path for path, each in options.items() if "nodev" not in each} == {
        "/dev/null",
        "/dev/random",
        "/dev/urandom",
        "/dev/zero",
    }
    assert "/" in options and f"{tmp_path}/folder" in options


def test_links_lead_where_they_led(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sandbox", "real", "real/stages", "links"):
        (tmp_path / name).mkdir()
    (tmp_path / "alias").symlink_to("real")
    (tmp_path / "links" / "relative").symlink_to("../alias/./stages")
    (tmp_path / "sandbox" / ".progress").symlink_to(tmp_path / "links" / "relative")
    monkeypatch.setenv("PTE_PROGRESS", ".progress")
    run = run_canary(
        tmp_path / "sandbox", "open('.progress/own', 'w').write('1')\nprint(os.getcwd())"
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "real" / "stages" / "own").read_text() == "1"
    assert run.stdout == f"{tmp_path / 'sandbox'}\n"


def test_links_in_a_loop_and_to_nowhere_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sandbox").mkdir()
    for name, target in (("one", "two"), ("two", "one"), ("nowhere", "/no/such/folder")):
        (tmp_path / name).symlink_to(target)
        monkeypatch.syspath_prepend(tmp_path / name)
    run = run_canary(tmp_path / "sandbox", "print(os.listdir())", (LANDLOCK,))
    _skip_without_a_tree(run)
    assert run.returncode == 0 and ".tmp-" in run.stdout, run.stderr


def test_the_usual_streams_and_shells_work(tmp_path: Path) -> None:
    code = "cat <(echo one) /dev/stdin <<< two > /dev/stdout; echo three > /dev/stderr; awk 'END{print 4}' /dev/null"
    run = run_canary(tmp_path, f"subprocess.run(['/bin/bash', '-c', {code!r}], check=True)")
    assert run.returncode == 0, run.stderr
    assert run.stdout == "one\ntwo\n4\n" and run.stderr.endswith("\nthree\n")


def test_without_it_the_machines_tree_is_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "input").write_text("declared")
    # Everything has to be readable, so nothing can be hidden.
    monkeypatch.syspath_prepend("/")
    body = (
        "print(json.dumps([os.getcwd(), open('folder/input').read(), os.path.exists('/etc/passwd'),\n"
        "    os.path.exists('/.machine'), os.path.exists('.machine')]))\n"
        "open('output', 'w').write('x')\nopen('folder/input', 'w')"
    )
    run = run_canary(tmp_path, body)
    if " namespaces (" in run.stderr:
        pytest.skip(f"this machine allows no mounts: {run.stderr}")
    assert "missing: own tree (the whole machine is requested)" in run.stderr
    assert "files: own tree" not in run.stderr
    assert json.loads(run.stdout) == [str(tmp_path), "declared", True, False, False]
    assert "Read-only file system" in run.stderr.splitlines()[-1]
    assert (tmp_path / "output").read_text() == "x"


def test_where_proc_cannot_be_mounted_it_is_the_machines(tmp_path: Path) -> None:
    """As in a container that hides parts of it; the kernel then refuses a whole one to ordinary users."""

    def hide_a_part() -> None:
        enter_user_namespace(4321, 1234)
        check(libc().unshare(_CLONE_NEWNS))
        mount(b"tmpfs", b"/proc/bus", 0, b"tmpfs")

    body = (
        f"print(os.path.exists('/proc/{os.getpid()}'), open('/proc/self/comm').read().strip())\n"
        f"print(os.kill({os.getpid()}, 0))"
    )
    try:
        run = run_canary(tmp_path, body, before=hide_a_part)
    except subprocess.SubprocessError as error:
        pytest.skip(f"this machine allows no user namespaces: {error}")
    _skip_without_a_tree(run)
    assert "processes: all are visible" in run.stderr
    assert run.stdout.startswith("True python")
    assert "ProcessLookupError" in run.stderr or "PermissionError" in run.stderr
    environment = f"open('/proc/{os.getpid()}/environ').read()"
    assert "PermissionError" in run_canary(tmp_path, environment, before=hide_a_part).stderr
