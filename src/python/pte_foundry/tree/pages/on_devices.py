"""What devices measured, as a model's page shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pte_foundry.records.device_result import DeviceResult, MeasuredLatency
from pte_foundry.records.measured_accuracy import MeasuredAccuracy
from pte_foundry.tree.pages.latencies import threads_text
from pte_foundry.tree.pages.programs import ListedProgram

_NAMED_CASES = 3
_NOT_MEASURED = "–"


@dataclass(frozen=True)
class OnDevice:
    """One row: a result of a program, in words.

    Attributes:
        parity: judged by the bound of the program's test.
        latency: milliseconds; `run` says of what.
        memory: 10^6 bytes.
    accuracy: beside that of the eager fp32 model, and on which data.
    """

    program: ListedProgram
    result: DeviceResult
    parity: str
    latency: str
    run: str
    load: str
    memory: str
    accuracy: str


def on_devices(
    programs: Iterable[ListedProgram], results: Sequence[DeviceResult]
) -> tuple[OnDevice, ...]:
    """The results of these very programs, by program; those of an earlier build, or of another file, are left out."""
    return tuple(
        _row(program, result)
        for program in programs
        for result in results
        if (result.program.name, result.program.sha256) == (program.file, program.sha256)
    )


def _row(program: ListedProgram, result: DeviceResult) -> OnDevice:
    latency, memory = result.latency, result.peak_memory_bytes
    return OnDevice(
        program,
        result,
        parity_text(result, program.max_abs_difference),
        _NOT_MEASURED if latency is None else f"{latency.median:.3g}",
        "" if latency is None else _run_text(latency),
        _NOT_MEASURED if result.load_ms is None else f"{result.load_ms:.3g}",
        _NOT_MEASURED if memory is None else f"{memory / 1e6:.1f}",
        _NOT_MEASURED if result.accuracy is None else accuracy_text(result.accuracy),
    )


def accuracy_text(accuracy: MeasuredAccuracy) -> str:
    """e.g. `top-1 70.0 % (eager fp32 80.0 %), top-5 90.0 %; 10 pictures of ten pets`."""
    scores = [
        f"{each.name} {100 * each.value:.1f} %"
        + (f" (eager fp32 {100 * each.eager:.1f} %)" if each.eager is not None else "")
        for each in accuracy.scores
    ]
    pictures = f"{accuracy.pictures} picture{'s' * (accuracy.pictures != 1)}"
    return f"{', '.join(scores)}; {pictures} of {accuracy.data_set}"


def parity_text(result: DeviceResult, bound: float) -> str:
    """e.g. `2 of 3 inputs agree, largest difference 0.2; not chelsea.png`.

    Args:
        bound: on the largest absolute difference, where the result has one.
    """
    cases = result.parity
    if not cases:
        return _NOT_MEASURED
    failed = [each.case for each in cases if not each.holds(bound)]
    differences = [each.max_abs_difference for each in cases if each.max_abs_difference is not None]
    text = f"{len(cases) - len(failed)} of {len(cases)} inputs agree"
    if differences:
        text += f", largest difference {max(differences):.3g}"
    if failed:
        more = len(failed) - _NAMED_CASES
        text += f"; not {', '.join(failed[:_NAMED_CASES])}"
        text += f" and {more} more" if more > 0 else ""
    return text


def _run_text(latency: MeasuredLatency) -> str:
    runs = f"{latency.runs} run{'s' * (latency.runs != 1)}"
    threads = "" if latency.threads is None else f", {threads_text(latency.threads)}"
    return f"{runs}{threads}: {latency.what}"
