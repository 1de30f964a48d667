"""BuildGrid with two workers: they share exports, and one of them does the work of the other, if that is killed."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest

from end_to_end.clone import PantsOutcome
from remote_cache.machines import PROGRAM, SEEDED, make_stand_in_machine
from remote_execution.buildgrid_server import BuildGrid
from remote_execution.buildgrid_worker import Worker
from remote_execution.exports import exports, wait_until
from remote_execution.users import RemoteUser, make_user

OTHER = "models/alpha:alpha_fast"
_BUILDER = "src/python/pte_foundry/models/alpha.py"


@pytest.fixture(scope="module")
def grid(folder: Path) -> Iterator[BuildGrid]:
    made = BuildGrid(folder / "buildgrid")
    with made.running():
        yield made


@pytest.fixture(scope="module")
def workers(folder: Path, grid: BuildGrid) -> Iterator[tuple[Worker, ...]]:
    made = tuple(Worker(name, folder / name, grid) for name in ("fox", "hen"))
    with ExitStack() as running:
        for worker in made:
            running.enter_context(worker.running())
        yield made


@pytest.fixture(scope="module")
def user(folder: Path, grid: BuildGrid) -> Iterator[RemoteUser]:
    made = make_user(folder / "user", grid.address.url)
    try:
        yield made
    finally:
        made.machine.stop()


def test_a_program_is_exported_and_validated_there(
    user: RemoteUser, workers: tuple[Worker, ...]
) -> None:
    content = user.change()
    outcome = user.assert_built_there(content)
    assert place(outcome, PROGRAM) in names(workers)
    outcome = user.machine.test()
    assert outcome.exit_code == 0, outcome.output
    assert f"{PROGRAM}_test succeeded" in outcome.output
    assert "ran in remote environment `workers`" in outcome.output


def test_two_workers_share_the_exports(user: RemoteUser, workers: tuple[Worker, ...]) -> None:
    assert_shared(user, workers)


def test_the_work_of_a_killed_worker_goes_to_the_other(
    user: RemoteUser, workers: tuple[Worker, ...]
) -> None:
    content = user.change(seconds=15)
    killed: list[Worker] = []

    def kill() -> None:
        killed.append(exporting(workers))
        killed[0].kill()

    killing = Thread(target=kill)
    killing.start()
    try:
        outcome = user.machine.package()
    finally:
        killing.join()
    assert outcome.exit_code == 0, outcome.output
    assert content in (user.machine.pte() or b"")
    assert outcome.output.count(f"{PROGRAM}: started on a worker") == 2, outcome.output
    (dead,) = killed
    (other,) = set(workers) - {dead}
    assert dead.leases()[-1] in other.leases()
    assert place(outcome, PROGRAM) == other.name
    # It comes back, and works again.
    dead.start()
    assert_shared(user, workers)


def test_a_cancelled_build_ends_its_export(user: RemoteUser, workers: tuple[Worker, ...]) -> None:
    user.change(seconds=300)
    with user.building() as build:
        worker = exporting(workers)
        build.send_signal(signal.SIGINT)
        assert build.wait(60) != 0
    wait_until(lambda: exports() == [], "the export goes on")
    assert f"{worker.name}: cancelled {worker.leases()[-1]}" in worker.said()
    assert user.machine.clone.dist_files() == {}
    # The worker is free again.
    user.assert_built_there(user.change())


def test_another_machine_finds_the_results(
    user: RemoteUser, workers: tuple[Worker, ...], folder: Path, grid: BuildGrid
) -> None:
    user.assert_built_there(user.change())
    reader = make_stand_in_machine(folder / "reader", grid.address.url, {})
    builder = "src/python/pte_foundry/models/variant.py"
    try:
        for path in (builder, _BUILDER):
            (reader.clone.root / path).write_bytes((user.machine.clone.root / path).read_bytes())
        outcome = reader.package()
        assert (outcome.exit_code, outcome.exports) == (0, []), outcome.output
        assert reader.pte() == user.machine.pte()
    finally:
        reader.stop()


def assert_shared(user: RemoteUser, workers: tuple[Worker, ...]) -> None:
    """Of two exports, each worker does one."""
    content = user.change(seconds=8)
    builder = user.machine.clone.root / _BUILDER
    builder.write_text(f"import time\ntime.sleep(8)\nCONTENT = {content!r}.decode()\n")
    outcome = user.machine.clone.run(SEEDED, "package", PROGRAM, OTHER)
    assert outcome.exit_code == 0, outcome.output
    assert outcome.exports == [OTHER, PROGRAM]
    assert {place(outcome, program) for program in (PROGRAM, OTHER)} == names(workers)


def place(outcome: PantsOutcome, program: str) -> str:
    """The worker that exported the program."""
    found = re.search(rf"{program}: exported in [\d.]+ s on (\S+) ", outcome.output)
    assert found is not None, outcome.output
    return found[1]


def exporting(workers: tuple[Worker, ...]) -> Worker:
    """The worker that has begun the only export."""
    wait_until(lambda: exports() != [], "no export has begun")
    (worker,) = (worker for worker in workers if worker.is_busy())
    return worker


def names(workers: tuple[Worker, ...]) -> set[str]:
    return {worker.name for worker in workers}
