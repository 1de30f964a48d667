from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workspace.child import end_of_log, how_it_ended
from workspace.sandbox_python import SandboxPython


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
