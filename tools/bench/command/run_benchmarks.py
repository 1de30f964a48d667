"""Run benchmarks one after another; one that cannot be run does not stop the others."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.benchmarks.measurement import Measurement
from bench.benchmarks.registry import Benchmark
from bench.benchmarks.setting import Setting
from workspace.errors import ToolError
from workspace.repository import Repository


@dataclass(frozen=True)
class Results:
    """errors: what went wrong, by benchmark."""

    measurements: tuple[Measurement, ...]
    errors: Mapping[str, str]

    @property
    def all_met(self) -> bool:
        return not self.errors and all(measurement.met for measurement in self.measurements)


def run_benchmarks(
    benchmarks: Sequence[Benchmark],
    repository: Repository,
    environment: Mapping[str, str],
    rounds: int | None,
    programs: tuple[str, ...],
    progress: Callable[[str], None],
    times: Path | None = None,
) -> Results:
    """Each benchmark has a temporary folder of its own, deleted at its end.

    environment: of every `./pants`. rounds: None for each benchmark's default. programs, times:
    see `Setting`.
    """
    measurements: list[Measurement] = []
    errors: dict[str, str] = {}
    for benchmark in benchmarks:

        def say(text: str, name: str = benchmark.name) -> None:
            progress(f"{name}: {text}")

        with tempfile.TemporaryDirectory(prefix="pte-bench-") as scratch:
            setting = Setting(
                repository, Path(scratch).resolve(), environment, say, rounds, programs, times
            )
            try:
                measurements += benchmark.run(setting)
            except ToolError as error:
                errors[benchmark.name] = str(error)
                say(f"failed: {error}")
    return Results(tuple(measurements), errors)
