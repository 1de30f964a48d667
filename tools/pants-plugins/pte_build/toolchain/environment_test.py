"""The environment of a toolchain has its bytecode before anything runs there."""

from __future__ import annotations

import base64
import hashlib
import shutil
import zipfile
from pathlib import Path

import pytest
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.test_support import make_runner, processes_run, refusal, set_options
from pte_build.toolchain.environment import ReadyToolchain
from pte_build.toolchain.locks import ToolchainRequest
from pte_build.toolchain.process import toolchain_process

REQUEST = ToolchainRequest(("engine",), needed_by="models/alpha:alpha_fast")
PREPARED = "Prepare the engine toolchain"
SOURCE = "src/python/pte_foundry/models/alpha.py"
MODULES = {"lib/__init__.py": "from lib import part\n", "lib/part.py": "", "lib/unused.py": ""}


class Machine:
    """Pants in a repository whose sources import `lib`, which the toolchain `engine` has in a wheel."""

    def __init__(self, folder: Path) -> None:
        self.named_caches = folder / "named"
        wheel = _write_wheel(folder)
        # No index is used.
        self.options = (
            f"--python-repos-find-links=['{folder.as_uri()}']",
            "--python-repos-indexes=[]",
        )
        self.runner: RuleRunner = make_runner(
            *self.options,
            store=str(folder / "store"),
            named_caches=str(self.named_caches),
            queries=(
                QueryRule(ReadyToolchain, (ToolchainRequest,)),
                QueryRule(FallibleProcessResult, (Process,)),
            ),
        )
        self.runner.write_files(
            {
                "locks/engine.lock": f"lib==1.0 --hash=sha256:{wheel}\n",
                SOURCE: "import lib\n",
            }
        )

    def prepare(self) -> ReadyToolchain:
        """As a new session does."""
        set_options(self.runner, *self.options)
        return self.runner.request(ReadyToolchain, [REQUEST])

    def environment(self) -> dict[str, int]:
        """The files of the package in it, with the time of their last change."""
        (folder,) = self.named_caches.glob("pex_root/venvs/*/*/*/lib/python3.11/site-packages/lib")
        return {
            str(path.relative_to(folder)): path.stat().st_mtime_ns
            for path in folder.rglob("*")
            if path.is_file()
        }

    def compiled(self) -> set[str]:
        """The bytecode among them."""
        return {name for name in self.environment() if name.endswith(".pyc")}


def _write_wheel(folder: Path) -> str:
    """Writes a wheel into `folder`; returns its SHA-256."""
    path = folder / "lib-1.0-py3-none-any.whl"
    files = {
        **MODULES,
        "lib-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: lib\nVersion: 1.0\n",
        "lib-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},{_digest(text)},{len(text)}\n" for name, text in files.items())
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr("lib-1.0.dist-info/RECORD", record + "lib-1.0.dist-info/RECORD,,\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return "sha256=" + digest.decode().rstrip("=")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """Tests undo what they change: a new environment takes seconds."""
    return Machine(tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module", autouse=True)
def at_first(machine: Machine) -> tuple[list[str], set[str]]:
    """What ran to prepare it for the first time, and the modules with bytecode then."""
    machine.prepare()
    return processes_run(machine.runner), machine.compiled()


def test_it_has_the_bytecode_of_what_sources_import_before_anything_runs(
    at_first: tuple[list[str], set[str]],
) -> None:
    processes, compiled = at_first
    assert PREPARED in processes
    assert compiled == {"__pycache__/__init__.cpython-311.pyc", "__pycache__/part.cpython-311.pyc"}


def test_a_process_finds_it(machine: Machine) -> None:
    toolchain = machine.prepare()
    before = machine.environment()
    process = toolchain_process(
        ("-c", "import os, lib.part; print(os.path.getsize(lib.part.__cached__))"),
        input_digest=toolchain.digest,
        output_files=(),
        description="A process",
    )
    result = machine.runner.request(FallibleProcessResult, [process])
    assert result.exit_code == 0, result.stderr.decode()
    assert machine.environment() == before


def test_each_session_makes_sure_of_it(machine: Machine) -> None:
    machine.prepare()
    before = machine.environment()
    machine.prepare()
    assert machine.environment() == before
    # The folder itself has to stay: Pants makes it once.
    for folder in (machine.named_caches / "pex_root").iterdir():
        shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
    machine.prepare()
    assert machine.environment().keys() == before.keys()


def test_it_is_the_toolchain_of_the_processes_key(machine: Machine) -> None:
    """What prepares it is not an input of theirs: neither the script nor the sources that it reads."""
    unused = "__pycache__/unused.cpython-311.pyc"
    before = machine.prepare()
    assert unused not in machine.compiled()
    machine.runner.write_files({SOURCE: "import lib, lib.unused\n"})
    assert machine.prepare() == before
    assert unused in machine.compiled()
    machine.runner.write_files({SOURCE: "import lib\n"})


def test_a_failure_says_what_failed(machine: Machine) -> None:
    machine.prepare()
    (packages,) = machine.named_caches.glob("pex_root/venvs/*/*/*/lib/python3.11/site-packages")
    shutil.rmtree(packages / "lib" / "__pycache__")
    for marker in packages.glob(".bytecode-*"):
        marker.unlink()
    # Even root cannot make a folder of this name.
    in_the_way = packages / "lib" / "__pycache__"
    in_the_way.touch()
    set_options(machine.runner, *machine.options)
    message = refusal(machine.runner, ReadyToolchain, REQUEST)
    in_the_way.unlink()
    assert message.startswith("the engine toolchain: not prepared: ")
    assert "__pycache__" in message
