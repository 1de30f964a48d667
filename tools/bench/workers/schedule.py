"""A matrix on the workers of a remote execution service: a model of what happens when, without chance.

The client builds the toolchains, sends each file once, and asks for all exports at once. The service has one queue: the
process that could run first gets the first free slot, on the worker with most free slots. It does not know what a
worker has already. The process holds its slot while the worker fetches what it lacks and prepares the toolchain, which
each worker does once. The program goes back to the client, which then asks for its validation.

A link carries one file after another. The service's own speed has no limit, and neither has the number of processes
that the client asks for; Pants asks for 128 at once.
"""

from __future__ import annotations

import enum
import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Toolchain:
    """files: bytes by name; toolchains share files. Seconds: on the client, and on each worker."""

    files: Mapping[str, int]
    build_seconds: float
    prepare_seconds: float


@dataclass(frozen=True)
class Program:
    """toolchain: its name. checkpoint: bytes by name; programs share checkpoints. size: of the `.pte`, in bytes."""

    address: str
    toolchain: str
    checkpoint: Mapping[str, int]
    size: int
    export_seconds: float
    validation_seconds: float


@dataclass(frozen=True)
class Setup:
    """Bytes per second of the client's link and of each worker's, in each direction.

    slots: processes that a worker, or the client, runs at once. start_seconds: of a worker's slot for each process,
    before it begins: inputs are copied, the toolchain is checked.
    """

    client_rate: float
    worker_rate: float
    slots: int = 2
    start_seconds: float = 0.0


@dataclass(frozen=True)
class Course:
    """When a program got where, in seconds from the start of the build.

    built: its toolchain. sent: all of the export's inputs. returned: the program is at the client. In between,
    processes wait for a slot, for the worker's link and for the toolchain's environment.
    """

    address: str
    built: float
    sent: float
    export_began: float
    exported: float
    returned: float
    validation_began: float
    validated: float


@dataclass(frozen=True)
class Schedule:
    """Bytes: from the client, to the client, and from the service to workers. prepared: toolchains, on all workers."""

    courses: tuple[Course, ...]
    sent_bytes: int
    returned_bytes: int
    fetched_bytes: int
    prepared: int

    @property
    def seconds(self) -> float:
        return max(course.validated for course in self.courses)

    @property
    def last(self) -> Course:
        """The first of those that end last."""
        return max(self.courses, key=lambda course: course.validated)


@dataclass
class _Link:
    """free: when it has carried all that it was given."""

    rate: float
    free: float = 0.0
    carried: int = 0

    def carry(self, size: int, now: float) -> float:
        """When a file that is given to it now has arrived."""
        self.free = max(self.free, now) + size / self.rate
        self.carried += size
        return self.free


@dataclass
class _Store:
    """What is at one place, or on its way there. arrivals: when each file is there."""

    link: _Link
    arrivals: dict[str, float] = field(default_factory=dict)

    def need(self, files: Mapping[str, int], now: float) -> float:
        """Get what is neither there nor on its way; returns when all files are there."""
        for name, size in files.items():
            if name not in self.arrivals:
                self.arrivals[name] = self.link.carry(size, now)
        return max([now, *(self.arrivals[name] for name in files)])


@dataclass
class _Worker:
    store: _Store
    free_slots: int
    prepared: dict[str, float] = field(default_factory=dict)


def simulate(
    programs: Sequence[Program], toolchains: Mapping[str, Toolchain], workers: int, setup: Setup
) -> Schedule:
    """The client works through `programs` in their order, wherever it has a choice."""
    run = _Run(programs, toolchains, workers, setup)
    run.finish()
    return Schedule(
        tuple(run.course(number) for number in range(len(programs))),
        run.service.link.carried,
        run.back.carried,
        sum(worker.store.link.carried for worker in run.workers),
        sum(len(worker.prepared) for worker in run.workers),
    )


class _Step(enum.IntEnum):
    EXPORTED = 0
    AT_SERVICE = 1
    VALIDATED = 2


class _Run:
    def __init__(
        self,
        programs: Sequence[Program],
        toolchains: Mapping[str, Toolchain],
        workers: int,
        setup: Setup,
    ) -> None:
        self._programs, self._toolchains, self._setup = programs, toolchains, setup
        self.service = _Store(_Link(setup.client_rate))
        self.back = _Link(setup.client_rate)
        self.workers = [
            _Worker(_Store(_Link(setup.worker_rate)), setup.slots) for _ in range(workers)
        ]
        # What the service can start, and when: time, program, whether it is the validation.
        self._queue: list[tuple[float, int, bool]] = []
        # What ends: when, of which program, and on which worker.
        self._coming: list[tuple[float, int, _Step, int]] = []
        self._times: list[dict[str, float]] = [{} for _ in programs]

    def course(self, number: int) -> Course:
        return Course(self._programs[number].address, **self._times[number])

    def finish(self) -> None:
        self._send()
        now = 0.0
        while self._queue or self._coming:
            self._start_all(now)
            times = [self._coming[0][0]] if self._coming else []
            if self._queue and self._free_worker() is not None:
                times.append(self._queue[0][0])
            now = min(times)
            while self._coming and self._coming[0][0] <= now:
                self._end(*heapq.heappop(self._coming))

    def _send(self) -> None:
        """Build the toolchains, and send the inputs of each export as soon as its toolchain is built."""
        built = self._build()
        order = sorted(
            range(len(self._programs)),
            key=lambda number: (built[self._programs[number].toolchain], number),
        )
        for number in order:
            program = self._programs[number]
            begun = built[program.toolchain]
            sent = self.service.need(self._inputs(program), begun)
            self._times[number] |= {"built": begun, "sent": sent}
            heapq.heappush(self._queue, (sent, number, False))

    def _build(self) -> dict[str, float]:
        slots = [0.0] * self._setup.slots
        built = {}
        for name in dict.fromkeys(program.toolchain for program in self._programs):
            begun = heapq.heappop(slots)
            built[name] = begun + self._toolchains[name].build_seconds
            heapq.heappush(slots, built[name])
        return built

    def _inputs(self, program: Program) -> dict[str, int]:
        return {**self._toolchains[program.toolchain].files, **program.checkpoint}

    def _free_worker(self) -> int | None:
        slots = [worker.free_slots for worker in self.workers]
        most = max(slots)
        return slots.index(most) if most else None

    def _start_all(self, now: float) -> None:
        while self._queue and self._queue[0][0] <= now:
            chosen = self._free_worker()
            if chosen is None:
                return
            _, number, validation = heapq.heappop(self._queue)
            end = self._run_on(self.workers[chosen], self._programs[number], validation, now)
            self._times[number]["validation_began" if validation else "export_began"] = now
            step = _Step.VALIDATED if validation else _Step.EXPORTED
            heapq.heappush(self._coming, (end, number, step, chosen))

    def _run_on(self, worker: _Worker, program: Program, validation: bool, now: float) -> float:
        """When the process that takes a slot now will end."""
        worker.free_slots -= 1
        inputs = self._inputs(program)
        if validation:
            inputs[program.address] = program.size
        begun = worker.store.need(inputs, now)
        # Others that need the toolchain meanwhile wait for whoever came first.
        prepared = worker.prepared.setdefault(
            program.toolchain, begun + self._toolchains[program.toolchain].prepare_seconds
        )
        seconds = program.validation_seconds if validation else program.export_seconds
        return max(begun, prepared) + self._setup.start_seconds + seconds

    def _end(self, now: float, number: int, step: _Step, chosen: int) -> None:
        worker, program, times = self.workers[chosen], self._programs[number], self._times[number]
        if step == _Step.AT_SERVICE:
            times["returned"] = self.back.carry(program.size, now)
            heapq.heappush(self._queue, (times["returned"], number, True))
            return
        worker.free_slots += 1
        if step == _Step.VALIDATED:
            times["validated"] = now
            return
        times["exported"] = now
        # The worker that wrote it need not fetch it.
        worker.store.arrivals[program.address] = now
        at_service = now + program.size / self._setup.worker_rate
        heapq.heappush(self._coming, (at_service, number, _Step.AT_SERVICE, chosen))


def work_seconds(programs: Iterable[Program], setup: Setup) -> float:
    """The seconds that all processes together hold a slot for, at least."""
    return sum(chain_seconds(program, setup) for program in programs)


def chain_seconds(program: Program, setup: Setup) -> float:
    """No number of workers has this program exported and validated faster."""
    return program.export_seconds + program.validation_seconds + 2 * setup.start_seconds
