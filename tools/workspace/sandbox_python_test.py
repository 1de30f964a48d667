from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workspace.sandbox_python import SandboxPython, end_of_log, how_it_ended


def test_the_sandboxs_python_runs_a_module_and_nothing_of_the_users_reaches_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Stand-ins of what an export's sandbox has: the interpreter, and the toolchain, which it runs as a folder.
    (tmp_path / ".python").mkdir()
    (tmp_path / ".python/py311").symlink_to(sys.executable)
    (tmp_path / "toolchain.pex").mkdir()
    main = "import os, sys; print(sys.argv[1:], sorted(os.environ)); sys.exit('no more')"
    (tmp_path / "toolchain.pex/__main__.py").write_text(main)
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    with (tmp_path / "log").open("w") as log:
        process = SandboxPython(tmp_path, (tmp_path / "library",)).start(
            "some.module", "argument", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, log=log
        )
        printed, _ = process.communicate()
    assert printed.startswith("['-m', 'some.module', 'argument']") and "PYTHONPATH" not in printed
    assert how_it_ended(process.returncode) == "ended with exit code 1"
    assert end_of_log(tmp_path / "log") == "no more"


def test_a_signal_is_named() -> None:
    process = subprocess.Popen(["sleep", "60"])
    process.kill()
    assert how_it_ended(process.wait()) == "was killed by signal 9"


def test_the_end_of_a_log_is_shown_whatever_its_bytes_are(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"".join(b"%d \xff\n" % number for number in range(100)))
    lines = end_of_log(tmp_path / "log").splitlines()
    assert len(lines) == 20 and lines[-1] == "99 \ufffd"
