"""Schedules small enough to work out by hand, and what holds for any."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bench.workers.schedule import (
    Course,
    Program,
    Schedule,
    Setup,
    Toolchain,
    chain_seconds,
    simulate,
    work_seconds,
)

# A byte takes a second from the client, and half a second to a worker.
SETUP = Setup(client_rate=1.0, worker_rate=2.0, slots=1)
FREE = {"t": Toolchain({}, 0.0, 0.0)}


def program(name: str, export: float, validation: float, toolchain: str = "t") -> Program:
    return Program(name, toolchain, {}, 0, export, validation)


def ends(schedule: Schedule) -> dict[str, float]:
    return {course.address: course.validated for course in schedule.courses}


def test_each_step_of_one_program_takes_its_time() -> None:
    one = Program("a", "t", {"weights": 6}, 2, 10.0, 20.0)
    toolchains = {"t": Toolchain({"wheel": 4}, 5.0, 7.0)}
    setup = replace(SETUP, start_seconds=1.0)
    assert simulate([one], toolchains, 1, setup) == Schedule(
        # Sent: 10 bytes. Fetched within 5 s, prepared within 7, started within 1. The program needs 1 s to the service
        # and 2 to the client. The worker has it, and the toolchain.
        (Course("a", 5.0, 15.0, 15.0, 38.0, 41.0, 41.0, 62.0),),
        sent_bytes=10,
        returned_bytes=2,
        fetched_bytes=10,
        prepared=1,
    )


def test_a_validation_waits_in_the_queue_behind_exports_that_could_run_before() -> None:
    programs = [program("a", 3.0, 1.0), program("b", 4.0, 1.0), program("c", 2.0, 1.0)]
    # Exports until 3, 7 and 9, then validations.
    assert ends(simulate(programs, FREE, 1, SETUP)) == {"a": 10.0, "b": 11.0, "c": 12.0}
    # a: 0-3, c: 3-5; b: 0-4, then a's validation, since 3 in the queue.
    two = simulate(programs, FREE, 2, SETUP)
    assert ends(two) == {"a": 5.0, "b": 6.0, "c": 6.0}
    assert two.seconds == 6.0 and two.last.address == "b"


def test_two_slots_of_a_worker_are_as_good_as_two_workers_without_inputs() -> None:
    programs = [program(name, 2.0, 3.0) for name in "abcde"]
    slots = simulate(programs, FREE, 1, replace(SETUP, slots=2))
    assert slots.courses == simulate(programs, FREE, 2, SETUP).courses


def test_a_shared_file_is_sent_once_and_fetched_once_by_each_worker() -> None:
    toolchains = {
        "s": Toolchain({"torch": 8, "timm": 2}, 0.0, 1.0),
        "t": Toolchain({"torch": 8, "ultralytics": 4}, 0.0, 1.0),
    }
    programs = [
        replace(program("a", 5.0, 0.0, "s"), checkpoint={"weights": 6}),
        replace(program("b", 5.0, 0.0, "t"), checkpoint={"weights": 6}),
    ]
    one = simulate(programs, toolchains, 1, SETUP)
    assert (one.sent_bytes, one.fetched_bytes, one.prepared) == (20, 20, 2)
    # b waits only for its own 4 bytes.
    assert [course.sent for course in one.courses] == [16.0, 20.0]
    two = simulate(programs, toolchains, 2, SETUP)
    # When b is to be validated, both workers are free: the first one is chosen, which has not prepared its toolchain.
    assert (two.sent_bytes, two.fetched_bytes, two.prepared) == (20, 16 + 18 + 4, 3)


def test_whoever_comes_first_prepares_the_toolchain_and_others_wait() -> None:
    toolchains = {"t": Toolchain({"wheel": 4}, 0.0, 10.0)}
    programs = [program("a", 1.0, 0.0), program("b", 1.0, 0.0)]
    two = simulate(programs, toolchains, 1, replace(SETUP, slots=2))
    # Sent at 4, fetched at 6, prepared at 16.
    assert [course.exported for course in two.courses] == [17.0, 17.0]
    assert two.prepared == 1


def test_the_client_builds_toolchains_on_its_slots_in_the_order_of_programs() -> None:
    toolchains = {name: Toolchain({}, seconds, 0.0) for name, seconds in zip("stu", (9, 2, 3))}
    programs = [program(name, 0.0, 0.0, name) for name in "stu"]
    built = [
        course.built
        for course in simulate(programs, toolchains, 9, replace(SETUP, slots=2)).courses
    ]
    assert built == [9.0, 2.0, 5.0]
    # What is built first is sent first.
    files = {name: replace(each, files={name: 10}) for name, each in toolchains.items()}
    sent = [course.sent for course in simulate(programs, files, 9, replace(SETUP, slots=2)).courses]
    assert sent == [32.0, 12.0, 22.0]


def test_the_worker_with_most_free_slots_is_chosen() -> None:
    toolchains = {"t": Toolchain({"wheel": 2}, 0.0, 0.0)}
    programs = [program(name, 5.0, 0.0) for name in "abc"]
    spread = simulate(programs, toolchains, 3, replace(SETUP, slots=2))
    assert spread.fetched_bytes == 3 * 2


def test_a_program_validated_elsewhere_is_fetched_and_not_sent_again() -> None:
    programs = [
        replace(program("a", 4.0, 1.0), size=2),
        replace(program("b", 4.0, 9.0), size=0),
        replace(program("c", 9.0, 1.0), size=0),
    ]
    two = simulate(programs, FREE, 2, SETUP)
    # a is back at 7, when c has a's worker and b's validation the other one.
    a = two.courses[0]
    assert (a.returned, a.validation_began, a.validated) == (7.0, 13.0, 14.0)
    assert (two.sent_bytes, two.returned_bytes, two.fetched_bytes) == (0, 2, 0)
    # With b's validation shorter, its worker takes a's: one second more, to fetch 2 bytes.
    programs[1] = replace(programs[1], validation_seconds=4.0)
    other = simulate(programs, FREE, 2, SETUP)
    assert other.courses[0].validated == 8.0 + 1.0 + 1.0
    assert other.fetched_bytes == 2


def random_matrix(seed: int) -> tuple[list[Program], dict[str, Toolchain]]:
    chance = random.Random(seed)
    wheels = {f"wheel{number}": chance.randrange(1, 200) for number in range(8)}
    toolchains = {
        name: Toolchain(
            {wheel: wheels[wheel] for wheel in sorted(chance.sample(sorted(wheels), 4))},
            chance.uniform(0, 20),
            chance.uniform(0, 20),
        )
        for name in "stu"
    }
    checkpoints = {f"weights{number}": chance.randrange(1, 400) for number in range(5)}
    programs = []
    for number in range(chance.randrange(1, 40)):
        weights = chance.choice(sorted(checkpoints))
        programs.append(
            Program(
                f"program{number}",
                chance.choice("stu"),
                {weights: checkpoints[weights]},
                chance.randrange(1, 300),
                chance.uniform(1, 60),
                chance.uniform(0, 90),
            )
        )
    return programs, toolchains


@pytest.mark.parametrize("seed", range(40))
def test_what_holds_for_any_matrix(seed: int) -> None:
    programs, toolchains = random_matrix(seed)
    setup = Setup(client_rate=50.0, worker_rate=80.0, slots=2, start_seconds=1.5)
    all_files = {
        name: size
        for each in programs
        for name, size in {**toolchains[each.toolchain].files, **each.checkpoint}.items()
    }
    returned = sum(each.size for each in programs)
    schedules = {
        workers: simulate(programs, toolchains, workers, setup) for workers in (1, 2, 5, 16)
    }
    assert simulate(programs, toolchains, 5, setup) == schedules[5]
    for workers, schedule in schedules.items():
        assert schedule.seconds >= max(chain_seconds(each, setup) for each in programs)
        assert schedule.seconds >= work_seconds(programs, setup) / (workers * setup.slots)
        assert schedule.seconds >= returned / setup.client_rate
        # What the client moves does not depend on the workers.
        assert (schedule.sent_bytes, schedule.returned_bytes) == (
            sum(all_files.values()),
            returned,
        )
        assert schedule.fetched_bytes <= workers * sum(all_files.values()) + returned
        assert schedule.prepared <= workers * len(toolchains)
        for each, course in zip(programs, schedule.courses):
            assert course.sent >= course.built
            assert course.export_began >= course.sent
            assert course.exported >= course.export_began + each.export_seconds
            assert course.returned > course.exported
            assert course.validation_began >= course.returned
            assert course.validated >= course.validation_began + each.validation_seconds
        assert _most_at_once(schedule) <= workers * setup.slots
    assert schedules[1].fetched_bytes == sum(all_files.values())


def _most_at_once(schedule: Schedule) -> int:
    changes = []
    for course in schedule.courses:
        for begun, ended in (
            (course.export_began, course.exported),
            (course.validation_began, course.validated),
        ):
            changes += [(begun, 1), (ended, -1)]
    running = most = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


@pytest.mark.parametrize("seed", range(40))
def test_without_inputs_and_validations_more_workers_are_never_slower(seed: int) -> None:
    # With them it can be slower, as in any list of jobs that depend on others: another worker prepares once more.
    programs, _ = random_matrix(seed)
    alone = [
        replace(each, toolchain="t", checkpoint={}, size=0, validation_seconds=0.0)
        for each in programs
    ]
    seconds = [simulate(alone, FREE, workers, SETUP).seconds for workers in (1, 2, 3, 4, 8, 16)]
    assert seconds == sorted(seconds, reverse=True)
