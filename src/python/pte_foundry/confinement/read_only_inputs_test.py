from __future__ import annotations

import os
from pathlib import Path

import pytest

from pte_foundry.testing.canary import NAMESPACES, run_canary


@pytest.fixture()
def sandbox(tmp_path: Path) -> Path:
    """With an input in a folder, and one that is a hard link to a file of a store."""
    (tmp_path / "store").write_text("declared")
    sandbox = tmp_path / "sandbox"
    (sandbox / "src").mkdir(parents=True)
    (sandbox / "src" / "input").write_text("declared")
    os.link(tmp_path / "store", sandbox / "linked")
    (sandbox / "outputs" / "below").mkdir(parents=True)
    (sandbox / "output").write_text("of an earlier run")
    return sandbox


def test_inputs_cannot_be_changed(sandbox: Path) -> None:
    attempts = [
        "open('src/input', 'w')",
        "open('linked', 'a')",
        "os.remove('src/input')",
        "os.utime('linked', (0, 0))",
        "os.chmod('linked', 0o777)",
        "open('src/new', 'w')",
        "subprocess.run(['/bin/sh', '-c', 'echo 1 >> linked'], check=True)",
        "open('new', 'w'); os.replace('new', 'linked')",
        "subprocess.run(['umount', 'src'], check=True)",
    ]
    body = (
        f"for code in {attempts!r}:\n    try:\n        exec(code)\n"
        "    except (OSError, subprocess.CalledProcessError) as error:\n        print(error)\n"
        "    else:\n        print('changed by', code)"
    )
    run = run_canary(sandbox, body)
    if "inputs: read-only" not in run.stderr:
        pytest.skip(f"this machine allows no mounts: {run.stderr}")
    assert run.returncode == 0, run.stderr
    for line, code in zip(run.stdout.splitlines(), attempts, strict=True):
        refusals = ("Read-only file system", "busy", "non-zero")
        assert any(refusal in line for refusal in refusals), (code, line)
    assert (sandbox / "src" / "input").read_text() == "declared"
    assert (sandbox.parent / "store").read_text() == "declared"


def test_other_files_can_be_changed(sandbox: Path) -> None:
    body = (
        "assert open('src/input').read() == open('linked').read() == 'declared'\n"
        "open('new', 'w').write('x'); os.replace('new', 'output')\n"
        "os.mkdir('folder'); open('folder/file', 'w').write('x')\n"
        "open('outputs/below/file', 'w').write('x')"
    )
    run = run_canary(sandbox, body)
    assert run.returncode == 0, run.stderr


def test_only_the_process_sees_the_mounts(sandbox: Path) -> None:
    assert run_canary(sandbox, "pass").returncode == 0
    (sandbox / "src" / "input").write_text("another")
    (sandbox / "linked").unlink()


def test_without_namespaces_inputs_are_reported_as_writable(sandbox: Path) -> None:
    run = run_canary(sandbox, "open('src/input', 'w').write('x')", (NAMESPACES,))
    assert run.returncode == 0 and "inputs: writable" in run.stderr, run.stderr
