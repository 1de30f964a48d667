"""All benchmarks by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.benchmarks import (
    cold,
    fresh_machine,
    int8,
    latency,
    new,
    noop,
    operators,
    rebuild,
    remote_execution,
    scale,
    second_checkout,
    size,
    tree,
    unaffected_edits,
    validation,
    versions,
    workers,
)
from bench.benchmarks.measurement import Measurement
from bench.benchmarks.setting import Setting


@dataclass(frozen=True)
class Benchmark:
    name: str
    about: str
    run: Callable[[Setting], tuple[Measurement, ...]]


BENCHMARKS = tuple(
    Benchmark(module.NAME, module.ABOUT, module.run)
    for module in (
        noop,
        rebuild,
        second_checkout,
        unaffected_edits,
        tree,
        size,
        cold,
        validation,
        latency,
        int8,
        operators,
        versions,
        scale,
        fresh_machine,
        remote_execution,
        new,
        workers,
    )
)
