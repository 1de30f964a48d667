from __future__ import annotations

import os
from pathlib import Path

import pytest

from pte_foundry.testing.canary import NAMESPACES, run_canary


@pytest.fixture()
def sandbox(tmp_path: Path) -> Path:
    """With an input in a folder, and one that is a link to a file of a store."""
    (tmp_path / "store").write_text("declared")
    sandbox = tmp_path / "sandbox"
    (sandbox / "src").mkdir(parents=True)
    (sandbox / "src" / "input").write_text("declared")
    os.link(tmp_path / "store", sandbox / "linked")
    (sandbox / "outputs" / "below").mkdir(parents=True)
    (sandbox / "output").write_text("of an earlier run")
    return sandbox


@pytest.mark.parametrize(
    "body",
    [
        "open('src/input', 'w')",
        "open('linked', 'a')",
        "os.remove('src/input')",
        "os.utime('linked', (0, 0))",
        "os.chmod('linked', 0o777)",
        "open('src/new', 'w')",
        "subprocess.run(['/bin/sh', '-c', 'echo 1 >> linked'], check=True)",
        "open('new', 'w'); os.replace('new', 'linked')",
        "subprocess.run(['umount', 'src'], check=True)",
    ],
)
def test_inputs_cannot_be_changed(sandbox: Path, body: str) -> None:
    run = run_canary(sandbox, body)
    if "inputs: read-only" not in run.stderr:
        pytest.skip(f"this machine allows no mounts: {run.stderr}")
    assert run.returncode == 1
    last = run.stderr.splitlines()[-1]
    assert ("Read-only file system" in last) or ("busy" in last) or ("non-zero" in last)
    assert (sandbox / "src" / "input").read_text() == "declared"
    assert (sandbox.parent / "store").read_text() == "declared"


@pytest.mark.parametrize(
    "body",
    [
        "assert open('src/input').read() == open('linked').read() == 'declared'",
        "open('new', 'w').write('x'); os.replace('new', 'output')",
        "os.mkdir('folder'); open('folder/file', 'w').write('x')",
        "open('outputs/below/file', 'w').write('x')",
    ],
)
def test_new_files_are_no_inputs(sandbox: Path, body: str) -> None:
    run = run_canary(sandbox, body)
    assert run.returncode == 0, run.stderr


def test_mounts_are_seen_by_the_process_alone(sandbox: Path) -> None:
    assert run_canary(sandbox, "pass").returncode == 0
    (sandbox / "src" / "input").write_text("another")
    (sandbox / "linked").unlink()


def test_without_namespaces_it_is_said_that_inputs_are_writable(sandbox: Path) -> None:
    run = run_canary(sandbox, "open('src/input', 'w').write('x')", (NAMESPACES,))
    assert run.returncode == 0 and "inputs: writable" in run.stderr, run.stderr


def test_the_exit_code_of_the_action_is_kept(sandbox: Path) -> None:
    assert run_canary(sandbox, "return 7").returncode == 7
