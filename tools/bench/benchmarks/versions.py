"""`versions`: programs for the CPU, built and run with the present ExecuTorch, against those of the one before."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

from bench.benchmarks.measurement import Goal, Measurement, threads_text
from bench.benchmarks.programs import BenchProgram, chosen_programs
from bench.benchmarks.setting import Setting
from bench.benchmarks.uncached import package_and_keep
from bench.latency.alternation import Timer, alternate
from bench.latency.arrays import read_arrays, relative_error
from bench.latency.files import EXECUTORCH, INPUTS, REFERENCE, outputs_file
from bench.latency.worker_process import Worker, prepare, running_worker
from pte_foundry.records.report import Report
from workspace.clone import Clone
from workspace.errors import ToolError
from workspace.sandbox_python import SandboxPython

Version = Literal["present", "older"]

NAME = "versions"
ABOUT = "programs for the CPU, built and run with the present ExecuTorch, against those of the one before"

NOT_WORSE = Goal("at_most", 1.03)
THREADS = {"portable": (1,), "xnnpack": (1, 2)}
"""By backend. Portable kernels take seconds, and hardly use a second thread."""
PROGRAMS = tuple(
    f"models/{model}_{program}"
    for model in (
        "mobilenet:mobilenet_v2",
        "mobilenet:mobilenet_v3_small",
        "pe_core:pe_core_t16_384",
        "yolo:yolo11n",
    )
    for program in ("int8_xnnpack", "portable", "xnnpack")
)
"""Measured unless the user names others."""

_TOOLCHAINS = "toolchains/BUILD"
# Of toolchains, as that file names them.
_LOCKS: Mapping[Version, str] = {"present": "executorch", "older": "executorch_1_4"}

# Three percent are less than the noise of a few runs: as many rounds as fit into this time, within these bounds.
_SECONDS = 60.0
_ROUNDS = (4, 40)
_INFERENCES = 8  # Of each version in a round, those to warm up included.
# Of float32: where both versions err by less, there is nothing to compare.
_ROUNDING = 2.0**-23


@dataclass(frozen=True)
class BuiltProgram:
    """A program of one version: its report, and the sandbox of its export."""

    report: Report
    python: SandboxPython


def run(setting: Setting) -> tuple[Measurement, ...]:
    rows: list[Measurement] = []
    with setting.clone("repository") as clone:
        named = replace(setting, programs=setting.programs or PROGRAMS)
        programs = chosen_programs(named, clone, tuple(THREADS))
        built = {version: _build(setting, clone, programs, version) for version in _LOCKS}
        for program in programs:
            both = {version: of_version[program] for version, of_version in built.items()}
            rows += _measure(setting, program, both)
    return tuple(rows)


def use_version(clone: Clone, version: Version) -> None:
    """Let the backends have the toolchain of this version. Raises ToolError if they do not have the present one's."""
    file = clone.root / _TOOLCHAINS
    text = file.read_text("utf-8")
    old, new = (f'resolve="{_LOCKS[each]}"' for each in ("present", version))
    if old not in text:
        raise ToolError(
            f"{_TOOLCHAINS} has no {old}, which is the toolchain to measure. If its lock has another name now, correct "
            "bench/benchmarks/versions.py"
        )
    file.write_text(text.replace(old, new), "utf-8")


def _build(
    setting: Setting, clone: Clone, programs: Sequence[BenchProgram], version: Version
) -> dict[BenchProgram, BuiltProgram]:
    use_version(clone, version)
    setting.progress(f"exporting {len(programs)} programs with the {version} ExecuTorch")
    kept = package_and_keep(setting, clone, programs)
    paths = (clone.root / "src/python", clone.root / "tools")
    return {
        program: BuiltProgram(program.report(clone), SandboxPython(sandbox.folder, paths))
        for program, sandbox in kept.sandboxes.items()
    }


def _measure(
    setting: Setting, program: BenchProgram, both: Mapping[Version, BuiltProgram]
) -> list[Measurement]:
    present, older = both["present"], both["older"]
    prepare(present.python, "bench.latency.prepare_reference")
    shutil.copyfile(present.python.folder / INPUTS, older.python.folder / INPUTS)
    rows = [size_row(present.report, older.report)]
    for threads in THREADS[program.backend]:
        with ExitStack() as stack:
            workers = {
                version: stack.enter_context(running_worker(each.python, EXECUTORCH, threads))
                for version, each in both.items()
            }
            errors = {
                version: output_error(program, present.python, each.python, threads)
                for version, each in both.items()
            }
            rounds = setting.rounds or _rounds(workers.values())
            timers: dict[str, Timer] = {version: each.time for version, each in workers.items()}
            times = alternate(timers, rounds)
            seconds = {version: times[version] for version in both}
        rows.append(error_row(present.report, older.report, threads, errors))
        rows.append(latency_row(present.report, older.report, threads, seconds, rounds))
        setting.progress(
            f"{program.address}, {threads_text(threads)}: {rows[-1].value:.3f} x the time"
        )
    return rows


def _rounds(workers: Collection[Worker]) -> int:
    """How often both are timed in turns."""
    least, most = _ROUNDS
    once = sum(worker.time(1, 1)[0] for worker in workers)
    return max(least, min(most, int(_SECONDS / (_INFERENCES * once))))


def output_error(
    program: BenchProgram, reference: SandboxPython, python: SandboxPython, threads: int
) -> float:
    """How far a version's outputs are from the eager fp32 model's, relative to their length."""
    try:
        return relative_error(
            read_arrays(outputs_file(reference.folder, REFERENCE)),
            read_arrays(outputs_file(python.folder, EXECUTORCH, threads)),
        )
    except ValueError as error:
        raise ToolError(f"{program.address}: {error}, so nothing can be compared") from error


def size_row(present: Report, older: Report) -> Measurement:
    """Bytes of the file, and whether they are the same."""
    return Measurement(
        NAME,
        f"{_what(present)}: bytes",
        _version(older),
        present.size / older.size,
        "ratio",
        NOT_WORSE,
        {
            **_details(present, older),
            "bytes": present.size,
            "older_bytes": older.size,
            "same_bytes": present.sha256 == older.sha256,
        },
    )


def error_row(
    present: Report, older: Report, threads: int, errors: Mapping[Version, float]
) -> Measurement:
    """errors: relative to the length of the eager fp32 model's outputs."""
    return Measurement(
        NAME,
        f"{_what(present)}: error, {threads_text(threads)}",
        _version(older),
        (errors["present"] + _ROUNDING) / (errors["older"] + _ROUNDING),
        "ratio",
        NOT_WORSE,
        {
            **_details(present, older),
            "threads": threads,
            "error": errors["present"],
            "older_error": errors["older"],
        },
    )


def latency_row(
    present: Report,
    older: Report,
    threads: int,
    seconds: Mapping[Version, Sequence[float]],
    rounds: int,
) -> Measurement:
    """seconds: equally many of each round, in order. The value is the median of the rounds' ratios."""
    medians = {version: _medians(times, rounds) for version, times in seconds.items()}
    ratios = sorted(
        new / old for new, old in zip(medians["present"], medians["older"], strict=True)
    )
    return Measurement(
        NAME,
        f"{_what(present)}: time, {threads_text(threads)}",
        _version(older),
        median(ratios),
        "ratio",
        NOT_WORSE,
        {
            **_details(present, older),
            "threads": threads,
            "median_ms": round(1000 * median(seconds["present"]), 4),
            "older_median_ms": round(1000 * median(seconds["older"]), 4),
            "rounds": rounds,
            "middle_half_of_ratios": [
                round(ratios[position * (rounds - 1) // 4], 4) for position in (1, 3)
            ],
        },
    )


def _medians(seconds: Sequence[float], rounds: int) -> list[float]:
    """The median of each round."""
    length = len(seconds) // rounds
    return [median(seconds[start : start + length]) for start in range(0, len(seconds), length)]


def _details(present: Report, older: Report) -> dict[str, object]:
    return {
        "program": present.declared.address,
        "versions": [report.versions["executorch"] for report in (present, older)],
    }


def _what(present: Report) -> str:
    return f"{present.declared.address}, {_version(present)}"


def _version(report: Report) -> str:
    return f"ExecuTorch {report.versions['executorch']}"
