"""`workers`: how long a matrix takes on more workers. Simulated: nothing runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace

from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.setting import Setting
from bench.workers.matrix import Matrix, read_matrix
from bench.workers.process_times import read_process_times
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
from workspace.errors import ToolError

NAME = "workers"
ABOUT = (
    "the matrix on 1 to 64 workers of a remote execution service, simulated from the times of a run"
)
GOAL = Goal("at_most", 0.2)
GOAL_WORKERS = 8
WORKERS = (1, 2, 4, 8, 16, 32, 64)
"""Each twice as many as before."""

# Assumed, not measured. Bits per second of the client's link; a worker's is one of a data centre.
LINKS = {"1 Gbit/s": 1e9, "100 Mbit/s": 1e8}
WORKER_LINK = "1 Gbit/s"
SLOTS = 2
START_SECONDS = 2.0
_BITS_PER_BYTE = 8

NEW = "all is new"
KEPT = "toolchains and checkpoints are kept"
# Twice as many workers are worth it if they take less than this share of the time.
_WORTH = 0.9


def run(setting: Setting) -> tuple[Measurement, ...]:
    if setting.times is None:
        raise ToolError(
            "it needs the times of a run of the matrix: add --times FILE. `./pants` writes them to the file that "
            "PANTS_RUN_TIMES_FILE names"
        )
    times = read_process_times(setting.times)
    matrix = read_matrix(setting.repository.root, times, setting.programs)
    return tuple(rows(matrix))


def rows(matrix: Matrix) -> Iterator[Measurement]:
    """For each state of client and workers and each link of the client: the goal's number of workers against one."""
    for state, programs, toolchains in (
        (NEW, matrix.programs, matrix.toolchains),
        (KEPT, *kept(matrix)),
    ):
        for link, bits in LINKS.items():
            setup = Setup(
                bits / _BITS_PER_BYTE,
                LINKS[WORKER_LINK] / _BITS_PER_BYTE,
                SLOTS,
                START_SECONDS,
            )
            schedules = {
                workers: simulate(programs, toolchains, workers, setup) for workers in WORKERS
            }
            seconds = {workers: schedule.seconds for workers, schedule in schedules.items()}
            yield Measurement(
                NAME,
                f"{len(programs)} programs on {GOAL_WORKERS} workers: {state}; the client's link has {link}",
                "on one such worker",
                seconds[GOAL_WORKERS] / seconds[1],
                "ratio",
                GOAL,
                {
                    "state": state,
                    "link": link,
                    "schedules": [
                        _schedule(workers, schedule, matrix, setup)
                        for workers, schedule in schedules.items()
                    ],
                    "enough": enough(seconds),
                    "last": _course(schedules[max(WORKERS)].last),
                    "matrix": _matrix(matrix, setup),
                },
            )


def kept(matrix: Matrix) -> tuple[list[Program], dict[str, Toolchain]]:
    """As if client, service and workers had all toolchains and checkpoints: the next matrix, after an edit."""
    return (
        [replace(program, checkpoint={}) for program in matrix.programs],
        {name: Toolchain({}, 0.0, 0.0) for name in matrix.toolchains},
    )


def enough(seconds: Mapping[int, float]) -> int | None:
    """The number of workers of which twice as many save less than a tenth; None if all of them save more."""
    return next(
        (
            workers
            for workers in seconds
            if 2 * workers in seconds and seconds[2 * workers] > _WORTH * seconds[workers]
        ),
        None,
    )


def _schedule(
    workers: int, schedule: Schedule, matrix: Matrix, setup: Setup
) -> dict[str, float | int]:
    slots = workers * setup.slots
    return {
        "workers": workers,
        "seconds": round(schedule.seconds, 1),
        "busy": round(work_seconds(matrix.programs, setup) / (slots * schedule.seconds), 3),
        "sent_gb": _gb(schedule.sent_bytes),
        "returned_gb": _gb(schedule.returned_bytes),
        "fetched_gb": _gb(schedule.fetched_bytes),
        "prepared": schedule.prepared,
    }


def _course(course: Course) -> dict[str, object]:
    return {
        name: value if isinstance(value, str) else round(value, 1)
        for name, value in asdict(course).items()
    }


def _matrix(matrix: Matrix, setup: Setup) -> dict[str, object]:
    longest = max(matrix.programs, key=lambda program: chain_seconds(program, setup))
    files = [toolchain.files for toolchain in matrix.toolchains.values()]
    return {
        "work_seconds": round(work_seconds(matrix.programs, setup), 1),
        "export_seconds": round(sum(program.export_seconds for program in matrix.programs), 1),
        "validation_seconds": round(
            sum(program.validation_seconds for program in matrix.programs), 1
        ),
        "longest": longest.address,
        "longest_seconds": round(chain_seconds(longest, setup), 1),
        "toolchains": len(files),
        "toolchain_gb": _gb(_once(files)),
        "toolchain_gb_separately": _gb(sum(sum(each.values()) for each in files)),
        "checkpoint_gb": _gb(_once(program.checkpoint for program in matrix.programs)),
        "unpinned": list(matrix.unpinned),
        "build_seconds": round(sum(each.build_seconds for each in matrix.toolchains.values()), 1),
        "prepare_seconds": round(
            sum(each.prepare_seconds for each in matrix.toolchains.values()), 1
        ),
    }


def _once(sets: Iterable[Mapping[str, int]]) -> int:
    """The bytes of all files, each counted once."""
    return sum({name: size for each in sets for name, size in each.items()}.values())


def _gb(size: int) -> float:
    return round(size / 1e9, 3)
