"""For tests: a kept sandbox whose toolchain is this Python, and whose export writes any text."""

from __future__ import annotations

import sys
from pathlib import Path

from workspace.kept_sandbox import KeptSandbox

# Like a PEX: isolated, with the sources' folders from the environment.
TOOLCHAIN = """\
import os, runpy, sys
sys.path[:0] = os.environ.pop("PEX_EXTRA_SYS_PATH").split(":")
assert sys.argv[1] == "-m"
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
# As much of torch as the tool asks for.
TORCH = """\
import os, types
_threads = int(os.environ["OMP_NUM_THREADS"])
def set_num_threads(number):
    global _threads
    _threads = number
def get_num_threads():
    return _threads
_capability = os.environ["ATEN_CPU_CAPABILITY"].upper()
backends = types.SimpleNamespace(cpu=types.SimpleNamespace(get_cpu_capability=lambda: _capability))
"""
_ENVIRONMENT = (
    "ATEN_CPU_CAPABILITY=default HOME=.home LANG=C.UTF-8 LC_ALL=C.UTF-8 OMP_NUM_THREADS=1 "
    "PATH=$'/usr/bin:/bin' PEX_EXTRA_SYS_PATH=src PYTHONHASHSEED=0 TZ=UTC"
)


def make_sandbox(folder: Path, content: str) -> KeptSandbox:
    """An export that writes the text of the Python expression `content` to program.pte.

    The expression may use modules of the standard library, torch (a stand-in) and `arguments`.
    """
    (folder / "src").mkdir(parents=True)
    (folder / "toolchain.pex").write_text(TOOLCHAIN)
    (folder / "src" / "torch.py").write_text(TORCH)
    (folder / "src" / "export.py").write_text(
        "import datetime, os, pathlib, subprocess, sys, time\n"
        "import torch\n"
        "threads = torch.get_num_threads()\n"
        "torch.set_num_threads(1)\n"
        "arguments = sys.argv[1:]\n"
        f"content = str({content})\n"
        "torch.set_num_threads(threads)\n"  # as the real export does
        "pathlib.Path('program.pte').write_text(content)\n"
        "pathlib.Path('facts.json').write_text('{}')\n"
        "sys.exit(0)\n"
    )
    command = f'/bin/sh -c $\'exec "$0" "$@"\' {sys.executable} -I toolchain.pex -m export one two'
    (folder / "__run.sh").write_text(f"cd {folder}\nenv -i {_ENVIRONMENT} {command}\n")
    return KeptSandbox(folder)
