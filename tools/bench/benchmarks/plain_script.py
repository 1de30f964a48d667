"""What builds are compared with: a script that exports with stock ExecuTorch, in an environment from the same locks.

One process for each program. It has the request, the sources, the weights and the environment variables of the export
that Pants ran, so the bytes have to be the same. It has no Pants, no PEX, no confinement, and none of the speed-ups of
`pte_foundry.speedups`.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.benchmarks.programs import BenchProgram
from bench.benchmarks.setting import Setting
from workspace.clone import Clone
from workspace.errors import ToolError
from workspace.export_process import source_roots
from workspace.kept_sandbox import KeptSandbox, ProcessCost
from workspace.run_script import Command
from workspace.user_caches import user_caches

# What the plugin writes into the sandbox of an export, and the interpreter that it puts there.
_REQUEST = "export_request.json"
_INTERPRETER = ".python/py311"
_STOCK_REQUEST = "stock_request.json"
_OUTPUTS = ("stock.pte", "stock.json")
# Not `-m`: the module would confine itself first, which a plain script does not do.
_SCRIPT = "import sys; from pte_foundry.exporting.main import main; sys.exit(main(sys.argv[1:]))"
# How `./pants dependencies` prints a lockfile.
_LOCK = re.compile(r"^(\S+\.lock):\S+$", re.MULTILINE)
_EXECUTORCH = re.compile(r"^executorch==([\w.]+)", re.MULTILINE)
_OUTPUT_LINES = 20


@dataclass(frozen=True)
class PlainPython:
    """executable: of the virtual environment. seconds: how long it took to make."""

    executable: Path
    seconds: float


def make_plain_pythons(
    setting: Setting, clone: Clone, sandboxes: Mapping[BenchProgram, KeptSandbox]
) -> Mapping[BenchProgram, PlainPython]:
    """By program, a virtual environment with all that its lockfiles pin, from pip's sources and cache.

    Programs of the same release of ExecuTorch share one. torch's wheel is taken from where the launcher keeps it.

    Raises ToolError with the end of pip's output if it fails.
    """
    together: dict[str, dict[BenchProgram, tuple[str, ...]]] = defaultdict(dict)
    for program in sandboxes:
        locks = _locks(clone, program.address)
        together[_release(clone, locks)][program] = locks
    pythons: dict[BenchProgram, PlainPython] = {}
    for release, of_programs in together.items():
        interpreter = (sandboxes[next(iter(of_programs))].folder / _INTERPRETER).resolve()
        locks = tuple(sorted({lock for its_locks in of_programs.values() for lock in its_locks}))
        folder = setting.scratch / f"plain-python-{release}"
        pythons.update(dict.fromkeys(of_programs, _make(clone, interpreter, locks, folder)))
    return pythons


def environments_seconds(pythons: Mapping[BenchProgram, PlainPython]) -> float:
    """How long it took to make all of them."""
    return sum(python.seconds for python in set(pythons.values()))


def _make(clone: Clone, interpreter: Path, locks: Sequence[str], folder: Path) -> PlainPython:
    python = folder / "bin/python"
    wheels = Path(user_caches(clone.environment)["PTE_FOUNDRY_CACHE"]) / "wheels"
    # The option adds to pip's settings; the variable would replace them.
    install = ["-m", "pip", "install", "--quiet", "--find-links", str(wheels)]
    install += ["--no-deps", "--require-hashes"]
    start = time.perf_counter()
    for command in (
        [str(interpreter), "-m", "venv", str(folder)],
        [str(python), *install, *(part for lock in locks for part in ("-r", lock))],
    ):
        finished = subprocess.run(
            command,
            cwd=clone.root,
            env=dict(clone.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if finished.returncode != 0:
            end = "\n".join(finished.stdout.splitlines()[-_OUTPUT_LINES:])
            raise ToolError(
                f"a virtual environment of {list(locks)} cannot be made: `{' '.join(command)}` ended with exit "
                f"code {finished.returncode}. See whether pip's sources have what the locks pin. The end of its "
                f"output:\n{end}"
            )
    return PlainPython(python, time.perf_counter() - start)


def _locks(clone: Clone, address: str) -> tuple[str, ...]:
    output = clone.pants("dependencies", "--transitive", address).output
    locks = tuple(sorted(set(_LOCK.findall(output))))
    if not locks:
        raise ToolError(
            f"`./pants dependencies --transitive {address}` should name the lockfiles of its toolchain, but names none"
        )
    return locks


def _release(clone: Clone, locks: Sequence[str]) -> str:
    """The ExecuTorch that these lockfiles pin; "none" if they pin none."""
    found = (_EXECUTORCH.search((clone.root / lock).read_text(encoding="utf-8")) for lock in locks)
    return next((match[1] for match in found if match), "none")


def export_stock(
    clone: Clone, program: BenchProgram, sandbox: KeptSandbox, python: PlainPython
) -> ProcessCost:
    """Export the program again as a plain script does. Raises ToolError if the bytes are not those in `dist/`."""
    request = json.loads((sandbox.folder / _REQUEST).read_text(encoding="utf-8"))
    stock = json.dumps({**request, "stock": True})
    (sandbox.folder / _STOCK_REQUEST).write_text(stock, encoding="utf-8")
    program_file, facts_file = _OUTPUTS
    arguments = (_STOCK_REQUEST, "--pte", program_file, "--facts", facts_file)
    command = Command(
        (str(python.executable), "-c", _SCRIPT, *arguments), _environment(sandbox.command())
    )
    cost = sandbox.run(_OUTPUTS, command)
    built = program.file(clone, ".pte")
    if (sandbox.folder / program_file).read_bytes() != built.read_bytes():
        raise ToolError(
            f"{program.address}: stock ExecuTorch gave other bytes than {built.relative_to(clone.root)}, so the times "
            "are not of the same work. See what differs: "
            f"`./foundry reproduce --stock {program.address}`"
        )
    return cost


def _environment(exporting: Command) -> dict[str, str]:
    """That of the export, with the sources where Python itself looks for them."""
    others = {
        name: value for name, value in exporting.environment.items() if not name.startswith("PEX_")
    }
    return {**others, "PYTHONPATH": ":".join(source_roots(exporting))}


def builder_file(clone: Clone, sandbox: KeptSandbox) -> str:
    """The file of the module that builds the model, relative to the repository.

    Raises ToolError if there is no such file.
    """
    request = json.loads((sandbox.folder / _REQUEST).read_text(encoding="utf-8"))
    module = str(request["model"]["builder"]).replace(".", "/")
    for root in source_roots(sandbox.command()):
        file = (Path(root) / f"{module}.py").as_posix()
        if (clone.root / file).is_file():
            return file
    raise ToolError(f"the builder {request['model']['builder']} is in no file of the repository")
