"""A worker of BuildGrid: a buildbox-casd with its runner, and a bot that takes leases for it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cache_server.command.address import Address, accepts_connections
from cache_server.command.execution import prepare_execution, store_url
from cache_server.command.free_port import free_port
from remote_execution.buildgrid_server import BuildGrid, await_start

_BOT = Path("tests/remote_execution/bot.py")


class Worker:
    """Runs one process at a time. name: what the log calls it."""

    def __init__(self, name: str, folder: Path, grid: BuildGrid) -> None:
        self.name = name
        self.log = folder / "worker.log"
        self._folder = folder
        self._grid = grid
        self._address = Address("127.0.0.1", free_port())
        self._execution = prepare_execution(folder, jobs=1, store=store_url(grid.address.url))
        (folder / "worker/python/name").write_text(f"{name}\n")
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        casd = str(self._execution.programs.casd)
        arguments = ["--quota-high=4G", "--reserved=0", *self._execution.arguments()]
        self._start([casd, f"--bind={self._address}", *arguments, str(self._folder / "cache")])
        await_start(lambda: accepts_connections(self._address), self._processes[0], self.log)
        python = str(self._grid.programs.python)
        self._start([python, str(_BOT), str(self._grid.address), str(self._address), self.name])
        await_start(lambda: f"{self.name}: session" in self.said(), self._processes[1], self.log)

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def leases(self) -> list[str]:
        """All that it took; the last one may be running."""
        told = f"{self.name}: took "
        return [
            line.removeprefix(told) for line in self.said().splitlines() if line.startswith(told)
        ]

    def is_busy(self) -> bool:
        """Whether it runs its last lease."""
        last = self.leases()[-1:]
        return bool(last) and not any(
            f"{self.name}: {end} {last[0]}" in self.said() for end in ("ended", "cancelled")
        )

    def kill(self) -> None:
        """With all that runs on it, as a power failure does."""
        if self._processes:
            with suppress(ProcessLookupError):
                os.killpg(self._processes[0].pid, signal.SIGKILL)
        for process in self._processes:
            process.wait()
        self._processes.clear()

    @contextmanager
    def running(self) -> Iterator[None]:
        self.start()
        try:
            yield
        finally:
            self.kill()

    def _start(self, command: list[str]) -> None:
        """In the process group of the first one."""
        path = self._execution.search_path(os.environ.get("PATH", os.defpath))
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "PATH": path},
                process_group=self._processes[0].pid if self._processes else 0,
            )
        self._processes.append(process)
