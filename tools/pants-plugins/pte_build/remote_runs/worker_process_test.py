from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pants.engine.fs import EMPTY_DIGEST, Digest
from pants.engine.process import Process

from pte_build.remote_runs.worker_process import NO_PYTHON, PYTHONS, for_workers, starting_files
from pte_build.toolchain.process import toolchain_process


@pytest.fixture()
def sandbox(tmp_path: Path) -> Path:
    """With the starting files, whose Pythons are not on this machine."""
    for file in starting_files():
        path = tmp_path / file.path
        path.parent.mkdir(exist_ok=True)
        text = file.content.decode()
        for python in PYTHONS:
            text = text.replace(python, f"{tmp_path}{python}")
        path.write_text(text)
        if file.is_executable:
            path.chmod(0o755)
    return tmp_path


def start(sandbox: Path) -> subprocess.CompletedProcess[str]:
    """Run it as `toolchain_process` does."""
    (sandbox / "pex").write_text("import sys; print(sys.argv, sys.executable)")
    return subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" "$@"', ".python/py311", "pex", "-m", "some module"],
        cwd=sandbox,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("place", PYTHONS)
def test_the_workers_python_is_found_in_each_place(sandbox: Path, place: str) -> None:
    python = Path(f"{sandbox}{place}")
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    finished = start(sandbox)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == f"['pex', '-m', 'some module'] {python}\n"


def test_a_worker_without_python_is_told_where_to_have_it(sandbox: Path) -> None:
    finished = start(sandbox)
    assert finished.returncode == NO_PYTHON
    assert finished.stderr.startswith("pte-foundry: the worker ")
    assert "has no CPython 3.11" in finished.stderr
    for place in PYTHONS:
        assert place in finished.stderr


def test_a_workers_process_says_nothing_about_what_it_keeps() -> None:
    process = toolchain_process(
        ("-m", "some.module"),
        input_digest=EMPTY_DIGEST,
        output_files=("out",),
        description="A process",
        timeout_seconds=5,
    )
    inputs = Digest("0a" * 32, 80)
    there = for_workers(process, inputs)
    assert there.input_digest == inputs
    assert not there.append_only_caches
    same = ("argv", "env", "output_files", "timeout_seconds", "description", "cache_scope")
    assert [getattr(there, name) for name in same] == [getattr(process, name) for name in same]
    assert isinstance(there, Process)
