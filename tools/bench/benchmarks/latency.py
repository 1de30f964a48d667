"""`latency`: XNNPACK programs side by side with eager torch, ONNX Runtime and OpenVINO."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.benchmarks.measurement import Goal, Measurement, threads_text
from bench.benchmarks.programs import BenchProgram, chosen_programs
from bench.benchmarks.setting import Setting
from bench.benchmarks.uncached import package_and_keep
from bench.latency.alternation import ROUNDS, alternate
from bench.latency.arrays import lowest_cosine, read_arrays
from bench.latency.files import (
    EAGER,
    EXECUTORCH,
    ONNXRUNTIME,
    REFERENCE,
    RUNTIMES,
    outputs_file,
)
from bench.latency.worker_process import prepare, running_worker
from workspace.clone import Clone
from workspace.errors import ToolError
from workspace.sandbox_python import SandboxPython

NAME = "latency"
ABOUT = "XNNPACK programs against eager torch, ONNX Runtime and OpenVINO, same weights and inputs"
NO_SLOWER = Goal("at_most", 1.0)
FASTER_THAN_EAGER = {1: Goal("at_least", 2.0), 2: Goal("at_least", 1.4)}
"""By number of threads."""
ALL_AGREE = Goal("at_most", 0)

# For fp32 computed in another order. OpenVINO in bfloat16 would be at 0.9999 or below.
_MIN_COSINE = 0.99999


@dataclass(frozen=True)
class Rivals:
    """Where their packages are, and their versions: the output of tools/bench/rivals."""

    folder: Path
    versions: Mapping[str, str]


def run(setting: Setting) -> tuple[Measurement, ...]:
    rows: list[Measurement] = []
    with setting.clone("repository") as clone:
        programs = chosen_programs(setting, clone, ("xnnpack",), "default")
        setting.progress("installing the other runtimes")
        rivals = find_rivals(clone)
        setting.progress(f"exporting {len(programs)} programs, to have their sandboxes")
        kept = package_and_keep(setting, clone, programs)
        paths = (clone.root / "src/python", clone.root / "tools", rivals.folder)
        for program, sandbox in kept.sandboxes.items():
            rows += _measure(setting, clone, program, SandboxPython(sandbox.folder, paths), rivals)
    return tuple(rows)


def find_rivals(clone: Clone) -> Rivals:
    output = clone.pants("run", "tools/bench/rivals").output
    try:
        found = json.loads(output.splitlines()[-1])
        return Rivals(Path(found["folder"]), found["versions"])
    except (LookupError, TypeError, ValueError) as error:
        raise ToolError(
            f"`./pants run tools/bench/rivals` should print one JSON line at its end: {error!r} in\n{output}"
        ) from error


def _measure(
    setting: Setting, clone: Clone, program: BenchProgram, python: SandboxPython, rivals: Rivals
) -> list[Measurement]:
    setting.progress(f"{program.address}: exporting its eager model to ONNX")
    prepare(python)
    rows: list[Measurement] = []
    cosines: dict[str, float] = {}
    for threads in FASTER_THAN_EAGER:
        with ExitStack() as stack:
            workers = {
                runtime: stack.enter_context(running_worker(python, runtime, threads))
                for runtime in RUNTIMES
            }
            cosines |= output_cosines(program, python.folder, threads)
            seconds = alternate(
                {runtime: worker.time for runtime, worker in workers.items()},
                setting.rounds or ROUNDS,
            )
        medians = {runtime: 1000 * median(seconds[runtime]) for runtime in RUNTIMES}
        shown = ", ".join(f"{name} {value:.2f}" for name, value in medians.items())
        setting.progress(f"{program.address}, {threads_text(threads)}: {shown} ms")
        rows += latency_rows(program, threads, medians, len(seconds[EAGER]), rivals.versions)
    disagreeing = disagreement_row(program, cosines, _bound(clone, program))
    return comparable(disagreeing, rows)


def _bound(clone: Clone, program: BenchProgram) -> float:
    """The lowest cosine that the program itself may have: a quantised one declares its own."""
    checks = program.report(clone).declared.checks
    declared = None if checks is None else checks.min_cosine
    return _MIN_COSINE if declared is None else min(_MIN_COSINE, declared)


def output_cosines(program: BenchProgram, folder: Path, threads: int) -> dict[str, float]:
    reference = read_arrays(outputs_file(folder, REFERENCE))
    try:
        return {
            f"{runtime}, {threads_text(threads)}": lowest_cosine(
                reference, read_arrays(outputs_file(folder, runtime, threads))
            )
            for runtime in RUNTIMES
        }
    except ValueError as error:
        raise ToolError(f"{program.address}: {error}, so nothing can be compared") from error


def comparable(disagreeing: Measurement, timed: Sequence[Measurement]) -> list[Measurement]:
    """Times count only if all runtimes give the right outputs: a fast wrong answer must not win."""
    return [disagreeing, *timed] if disagreeing.met else [disagreeing]


def disagreement_row(
    program: BenchProgram, cosines: Mapping[str, float], own: float
) -> Measurement:
    """How many runtimes gave other outputs than eager torch; `own` is ExecuTorch's bound for the cosine."""
    disagreeing = sorted(
        name
        for name, cosine in cosines.items()
        if cosine < (own if name.startswith(EXECUTORCH) else _MIN_COSINE)
    )
    return Measurement(
        NAME,
        f"{program.address}: runtimes with other outputs",
        "eager torch",
        len(disagreeing),
        "runtimes",
        ALL_AGREE,
        {"disagreeing": disagreeing, "cosine": dict(cosines)},
    )


def latency_rows(
    program: BenchProgram,
    threads: int,
    medians: Mapping[str, float],
    samples: int,
    versions: Mapping[str, str],
) -> Sequence[Measurement]:
    """medians: milliseconds by runtime. samples: how many each median is of."""
    details = {
        "program": program.address,
        "threads": threads,
        "median_ms": {name: round(value, 4) for name, value in medians.items()},
        "samples": samples,
        "versions": dict(versions),
    }
    name = f"{program.address}, {threads_text(threads)}"
    return (
        Measurement(
            NAME,
            f"{name}: ExecuTorch",
            "ONNX Runtime",
            medians[EXECUTORCH] / medians[ONNXRUNTIME],
            "ratio",
            NO_SLOWER,
            details,
        ),
        Measurement(
            NAME,
            f"{name}: eager torch",
            "ExecuTorch",
            medians[EAGER] / medians[EXECUTORCH],
            "ratio",
            FASTER_THAN_EAGER[threads],
            details,
        ),
    )
