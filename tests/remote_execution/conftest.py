from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cache_server.command.execution import prepare_execution
from remote_cache.relay import Relay, running_relay
from remote_cache.server import Server
from remote_execution.users import RemoteUser, make_user


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workers")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    made = Server(folder / "server", execution=prepare_execution(folder / "server", jobs=2))
    with made.running():
        yield made


@pytest.fixture(scope="module")
def relay(server: Server) -> Iterator[Relay]:
    with running_relay(server.address) as running:
        yield running


@pytest.fixture(scope="module")
def user(folder: Path, relay: Relay) -> Iterator[RemoteUser]:
    """Connects through the relay."""
    made = make_user(folder / "user", relay.address.url)
    try:
        yield made
    finally:
        made.machine.stop()
