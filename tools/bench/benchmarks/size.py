"""`size`: how large programs are, against their model's parameters and against the files that they replace."""

from __future__ import annotations

from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.programs import chosen_programs
from bench.benchmarks.reference_sizes import REFERENCE_SIZES
from bench.benchmarks.setting import Setting
from pte_foundry.records.report import Report

NAME = "size"
ABOUT = (
    "bytes of the programs against their model's parameters in fp32, and against those they replace"
)

_FLOAT_BYTES = 4
# Parameters in fp32 and a few percent for the graph; half of that in fp16, with biases and constants that stay wide.
_BOUNDS = {"fp32": 1.02, "fp16": 0.56}
# The rewrite that removes nearest upsampling repeats some 1x1 weights four times.
_REPEATING, _REPEATED_BOUND = "pte_foundry.rewrites.fold_nearest_upsampling", 1.07
NO_LARGER = Goal("at_most", 1.0)
# In fp32, repeated weights and a graph in one piece make a larger file than many delegate calls.
_NO_LARGER_IN = "fp16"


def run(setting: Setting) -> tuple[Measurement, ...]:
    with setting.clone("repository") as clone:
        programs = chosen_programs(setting, clone, precisions="default")
        setting.progress(f"building {len(programs)} programs")
        clone.pants("package", *(program.address for program in programs))
        reports = [program.report(clone) for program in programs]
    return tuple(row for report in reports for row in size_rows(report))


def size_rows(report: Report) -> list[Measurement]:
    """One row against the parameters, and one against the replaced file if there is one to be no larger than."""
    declared = report.declared
    bound = _REPEATED_BOUND if _REPEATING in report.rewrites else _BOUNDS[declared.precision]
    parameter_bytes = _FLOAT_BYTES * report.parameters.count
    details = {"program": declared.address, "bytes": report.size}
    rows = [
        Measurement(
            NAME,
            declared.address,
            "parameters in fp32",
            report.size / parameter_bytes,
            "ratio",
            Goal("at_most", bound),
            {**details, "parameters": report.parameters.count},
        )
    ]
    replaced = REFERENCE_SIZES.get(declared.model, {}).get(declared.backend)
    if replaced is not None and declared.precision == _NO_LARGER_IN:
        rows.append(
            Measurement(
                NAME,
                declared.address,
                "the file it replaces",
                report.size / replaced,
                "ratio",
                NO_LARGER,
                {**details, "replaced_bytes": replaced},
            )
        )
    return rows
