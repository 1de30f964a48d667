from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from remote_cache.machines import Machine, make_machine, make_stand_in_machine
from remote_cache.pair import Pair
from remote_cache.relay import running_relay
from remote_cache.server import Server


class MakeMachine(Protocol):
    def __call__(self, name: str, address: str | None, **options: str) -> Machine: ...


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("remote")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    made = Server(folder / "server")
    with made.running():
        yield made


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
def pair(folder: Path, server: Server) -> Iterator[Pair]:
    """A pair whose machines both have their toolchain, over a working connection."""
    with running_relay(server.address) as relay:
        writing = {"PANTS_REMOTE_CACHE_WRITE": "true"}
        writer = make_stand_in_machine(folder / "writer", server.address.url, writing)
        reader = make_stand_in_machine(folder / "deeper/reader", relay.address.url, {})
        made = Pair(server, relay, writer, reader)
        try:
            made.write()
            outcome = reader.package()
            assert (outcome.exit_code, outcome.exports) == (0, []), outcome.output
            yield made
        finally:
            writer.stop()
            reader.stop()
