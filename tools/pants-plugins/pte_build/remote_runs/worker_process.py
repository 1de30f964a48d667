"""From a process of this machine to one that any worker can run: nothing of it depends on what a worker has kept."""

from __future__ import annotations

import dataclasses
import inspect

from pants.engine.fs import Digest, FileContent
from pants.engine.process import Process
from pants.util.frozendict import FrozenDict

from pte_build.remote_runs import worker_run
from pte_build.toolchain import compile_packages
from pte_build.toolchain.interpreter import PATH

# A worker that has its Python elsewhere puts a link there.
PYTHONS = (
    "/opt/pte-foundry/python3.11",
    "/usr/local/bin/python3.11",
    "/usr/bin/python3.11",
)
NO_PYTHON = 127  # As shells have it for a command that is not found.
_FOLDER = PATH.rpartition("/")[0]
# In place of the link to the interpreter, which a named cache has on this machine.
_START = f"""#!/bin/sh
for python in {" ".join(PYTHONS)}; do
  [ ! -x "$python" ] || exec "$python" -IB {_FOLDER}/worker_run.py "$@"
done
echo "pte-foundry: the worker $(uname -n) has no CPython 3.11. Install it there as one of {", ".join(PYTHONS)}:" \\
  "docs/remote-execution.md" >&2
exit {NO_PYTHON}
"""


def starting_files() -> tuple[FileContent, ...]:
    """What starts the worker's own Python; the same everywhere, because it is in the key."""
    modules = (worker_run, compile_packages)
    return (
        FileContent(PATH, _START.encode(), is_executable=True),
        *(
            FileContent(
                f"{_FOLDER}/{module.__name__.rpartition('.')[2]}.py",
                inspect.getsource(module).encode(),
            )
            for module in modules
        ),
    )


def for_workers(process: Process, inputs: Digest) -> Process:
    """The process with these inputs, its own and `starting_files`, and without named caches, which workers lack."""
    return dataclasses.replace(process, input_digest=inputs, append_only_caches=FrozenDict())
