from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from remote_cache import tiny_program
from remote_cache.machine import Machine, make_machine
from remote_cache.server import Server
from remote_cache.variants import Variants


class MakeMachine(Protocol):
    def __call__(self, name: str, address: str | None, **options: str) -> Machine: ...


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("remote")


@pytest.fixture(scope="module")
def new_server(folder: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def make(name: str = "server", **options: str) -> Server:
        servers.append(Server(folder / name, **options).start())
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def server(new_server: Callable[..., Server]) -> Server:
    return new_server()


@pytest.fixture(scope="module")
def new_machine(folder: Path) -> Iterator[MakeMachine]:
    machines: list[Machine] = []

    def make(name: str, address: str | None, **options: str) -> Machine:
        machines.append(make_machine(folder / name, address, options))
        return machines[-1]

    yield make
    for machine in machines:
        machine.stop()


@pytest.fixture(scope="module")
def variants(new_machine: MakeMachine, server: Server) -> Variants:
    writer = new_machine("alice", server.address.url, PANTS_REMOTE_CACHE_WRITE="true")
    reader = new_machine("elsewhere/deeper/bob", server.address.url)
    for machine in (writer, reader):
        tiny_program.declare(machine.clone.root)
    return Variants(writer, reader)
