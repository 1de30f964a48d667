"""A machine takes what another has built from the cache, without export, checkpoint or toolchain."""

from __future__ import annotations

from pathlib import Path

import pytest

from end_to_end.clone import PantsOutcome
from remote_cache import tiny_program
from remote_cache.conftest import MakeMachine
from remote_cache.machines import Machine
from remote_cache.server import Server

PROGRAM = "models/mobilenet:mobilenet_v3_small_xnnpack"
SEEDED = "--weights-source=seeded"
VERBOSE = ("--level=debug",)
TOOLCHAIN = "Build the executorch+torchvision toolchain"


@pytest.fixture(scope="module")
def writer(new_machine: MakeMachine, server: Server) -> Machine:
    machine = new_machine("alice", server.address.url, PANTS_REMOTE_CACHE_WRITE="true")
    tiny_program.declare(machine.clone.root)
    return machine


@pytest.fixture(scope="module")
def written(writer: Machine, folder: Path) -> PantsOutcome:
    """The first machine's build of both programs."""
    seeded = writer.package(SEEDED, *VERBOSE, "package", PROGRAM)
    assert seeded.exports == [PROGRAM]
    assert TOOLCHAIN in seeded.output
    official = writer.package(
        tiny_program.write_checkpoint(folder / "checkpoints"), "package", tiny_program.ADDRESS
    )
    assert official.exports == [tiny_program.ADDRESS]
    return seeded


@pytest.fixture(scope="module")
def reader(new_machine: MakeMachine, server: Server, written: PantsOutcome) -> Machine:
    machine = new_machine("elsewhere/deeper/bob", server.address.url)
    tiny_program.declare(machine.clone.root)
    return machine


def test_another_machine_exports_nothing(writer: Machine, reader: Machine) -> None:
    outcome = reader.package(SEEDED, *VERBOSE, "package", PROGRAM)
    assert outcome.exports == []
    # Not even requested.
    assert TOOLCHAIN not in outcome.output
    files = reader.clone.dist_files()
    assert f"{PROGRAM.replace(':', '/')}.pte" in files
    expected = writer.clone.dist_files()
    assert files == {path: expected[path] for path in files}


def test_another_machine_needs_no_checkpoint(writer: Machine, reader: Machine) -> None:
    outcome = reader.package("package", tiny_program.ADDRESS)
    assert outcome.exports == []
    assert "Fetch" not in outcome.output
    assert (
        reader.clone.dist_files()[tiny_program.PTE] == writer.clone.dist_files()[tiny_program.PTE]
    )


def test_a_changed_builder_exports_its_own_programs(reader: Machine, server: Server) -> None:
    before = server.actions()
    assert before
    with reader.clone.edited(tiny_program.BUILDER, "nn.Hardsigmoid()", "nn.ReLU()"):
        outcome = reader.package(SEEDED, "package", PROGRAM, tiny_program.ADDRESS)
    assert outcome.exports == [tiny_program.ADDRESS]
    # A machine writes to the cache only if told to.
    assert server.actions() == before
