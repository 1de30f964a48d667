"""`int8`: int8 programs of XNNPACK side by side with their fp32 siblings: size and latency."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from statistics import median

from bench.benchmarks.measurement import Goal, Measurement, threads_text
from bench.benchmarks.programs import BenchProgram, chosen_programs
from bench.benchmarks.setting import Setting
from bench.benchmarks.uncached import package_and_keep
from bench.latency.alternation import ROUNDS, alternate
from bench.latency.arrays import lowest_cosine, read_arrays
from bench.latency.files import EXECUTORCH, INPUTS, outputs_file
from bench.latency.worker_process import prepare, running_worker
from pte_foundry.records.report import Report
from workspace.errors import ToolError
from workspace.sandbox_python import SandboxPython

NAME = "int8"
ABOUT = (
    "int8 XNNPACK programs against their fp32 siblings: bytes, and latency in turns on one input"
)

THREADS = (1, 2)
NO_SLOWER = Goal("at_most", 1.0)
# Detectors are all convolutions, whose time int8 at least halves; PE's attention and softmax stay in float.
FASTER = {"yolo": Goal("at_most", 0.5), "pe_core": Goal("at_most", round(1 / 1.4, 4))}
"""By family."""

SMALLER = Goal("at_most", 0.3)
# A quarter, and what stays in float: PE's norms and position tables; the layers of MobileNetV3 that int8 would break.
SMALLER_FAMILIES = {"pe_core": Goal("at_most", 0.36)}
SMALLER_MODELS = {"mobilenet_v3_small": Goal("at_most", 0.4)}
SAME_OUTPUTS = Goal("at_most", 0)

_INT8, _FLOAT = "int8", "default precision"


def run(setting: Setting) -> tuple[Measurement, ...]:
    rows: list[Measurement] = []
    with setting.clone("repository") as clone:
        programs = chosen_programs(setting, clone, ("xnnpack",), "int8")
        both = [each for program in programs for each in (program, program.in_default_precision)]
        setting.progress(f"exporting {len(both)} programs, to have their sandboxes")
        kept = package_and_keep(setting, clone, both)
        paths = (clone.root / "src/python", clone.root / "tools")
        for program in programs:
            pythons = {
                _INT8: SandboxPython(kept.sandboxes[program].folder, paths),
                _FLOAT: SandboxPython(kept.sandboxes[program.in_default_precision].folder, paths),
            }
            report = program.report(clone)
            rows.append(size_row(report, program.in_default_precision.report(clone)))
            rows += _latency(setting, program, report, pythons)
    return tuple(rows)


def size_row(report: Report, sibling: Report) -> Measurement:
    """Bytes of a program against those of its sibling in fp32."""
    declared = report.declared
    goal = SMALLER_MODELS.get(declared.model, SMALLER_FAMILIES.get(declared.family, SMALLER))
    return Measurement(
        NAME,
        f"{declared.address}: bytes",
        "fp32 program",
        report.size / sibling.size,
        "ratio",
        goal,
        {"program": declared.address, "bytes": report.size, "fp32_bytes": sibling.size},
    )


def latency_row(
    report: Report, threads: int, medians: Mapping[str, float], samples: int, cosine: float
) -> Measurement:
    """medians: milliseconds of both. samples: how many each median is of. cosine: the outputs' lowest."""
    declared = report.declared
    return Measurement(
        NAME,
        f"{declared.address}: time, {threads_text(threads)}",
        "fp32 program",
        medians[_INT8] / medians[_FLOAT],
        "ratio",
        FASTER.get(declared.family, NO_SLOWER),
        {
            "program": declared.address,
            "threads": threads,
            "int8_ms": round(medians[_INT8], 4),
            "fp32_ms": round(medians[_FLOAT], 4),
            "samples": samples,
            "cosine": cosine,
        },
    )


def least_cosine(report: Report) -> float:
    """The bound that the program's own test declares for photographs.

    Raises ToolError if it declares none.
    """
    checks = report.declared.checks
    if checks is None or checks.min_cosine is None:
        raise ToolError(
            f"{report.declared.address}: its test declares no `min_cosine`, so nothing says which outputs are right"
        )
    return checks.min_cosine


def difference_row(report: Report, cosines: Mapping[int, float]) -> Measurement:
    """With how many numbers of threads the outputs differ more from fp32's than the program's test allows."""
    least = least_cosine(report)
    differing = [threads for threads, cosine in cosines.items() if cosine < least]
    return Measurement(
        NAME,
        f"{report.declared.address}: numbers of threads with other outputs",
        "fp32 program",
        len(differing),
        "runtimes",
        SAME_OUTPUTS,
        {"program": report.declared.address, "cosine": {str(n): c for n, c in cosines.items()}},
    )


def _latency(
    setting: Setting, program: BenchProgram, report: Report, pythons: Mapping[str, SandboxPython]
) -> list[Measurement]:
    """Times count only if the outputs are right: a fast wrong answer must not win."""
    prepare(pythons[_INT8], "bench.latency.prepare_picture")
    shutil.copyfile(pythons[_INT8].folder / INPUTS, pythons[_FLOAT].folder / INPUTS)
    rows: list[Measurement] = []
    cosines: dict[int, float] = {}
    for threads in THREADS:
        with ExitStack() as stack:
            workers = {
                name: stack.enter_context(running_worker(python, EXECUTORCH, threads))
                for name, python in pythons.items()
            }
            cosines[threads] = _cosine(program, pythons, threads)
            seconds = alternate(
                {name: worker.time for name, worker in workers.items()}, setting.rounds or ROUNDS
            )
        medians = {name: 1000 * median(times) for name, times in seconds.items()}
        shown = ", ".join(f"{name} {value:.2f}" for name, value in medians.items())
        setting.progress(f"{program.address}, {threads} threads: {shown} ms")
        rows.append(latency_row(report, threads, medians, len(seconds[_INT8]), cosines[threads]))
    difference = difference_row(report, cosines)
    return [difference, *rows] if difference.met else [difference]


def _cosine(program: BenchProgram, pythons: Mapping[str, SandboxPython], threads: int) -> float:
    int8, reference = (
        read_arrays(outputs_file(pythons[name].folder, EXECUTORCH, threads))
        for name in (_INT8, _FLOAT)
    )
    try:
        return lowest_cosine(reference, int8)
    except ValueError as error:
        raise ToolError(f"{program.address}: {error}, so nothing can be compared") from error
