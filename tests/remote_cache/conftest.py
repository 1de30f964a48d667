from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from remote_cache.machine import Machine, make_machine
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
