from __future__ import annotations

import shutil

import pytest
from fake_machine import FakeMachine, FirstRun, make_machine


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    machine = make_machine(tmp_path_factory.mktemp("machine"))
    finished = machine.run()
    assert finished.returncode == 0, finished.stderr
    assert machine.source().returncode == 0
    copy = tmp_path_factory.mktemp("copy") / "machine"
    shutil.copytree(machine.folder, copy, symlinks=True)
    return FirstRun(machine, copy, finished)


@pytest.fixture()
def prepared(first_run: FirstRun) -> FakeMachine:
    """The machine of `first_run`, as that run left it."""
    shutil.rmtree(first_run.machine.folder)
    shutil.copytree(first_run.copy, first_run.machine.folder, symlinks=True)
    return first_run.machine
