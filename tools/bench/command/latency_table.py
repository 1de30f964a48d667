"""The page's table of `latency`: milliseconds of all runtimes in one row, instead of a row for each ratio."""

from __future__ import annotations

from bench.command.markdown_table import goal_text, table, verdict_text
from bench.command.result_file import Document
from bench.latency.files import EAGER, EXECUTORCH, ONNXRUNTIME, OPENVINO

_NOTES = """\
Medians in milliseconds. Each runtime has a process of its own; they are timed in turns, on one fixed input. Eager
torch and the ONNX file are the untouched model. OpenVINO is told to compute in float32, which is not its default on
CPUs that have bfloat16. Nothing is compared unless the outputs of all agree with those of eager torch. The benchmark
`operators` shows which operators take the time."""


def latency_lines(rows: list[Document]) -> list[str]:
    """The table, then what disagreed, then notes with the versions."""
    timed: dict[tuple[str, int], list[Document]] = {}
    for row in rows:
        if "median_ms" in row["details"]:
            key = row["details"]["program"], row["details"]["threads"]
            timed.setdefault(key, []).append(row)
    lines = table(
        [
            "program",
            "threads",
            "eager",
            "ExecuTorch",
            "ONNX Runtime",
            "OpenVINO",
            "ExecuTorch / ONNX Runtime",
            "eager / ExecuTorch",
        ],
        [_cells(program, threads, pair) for (program, threads), pair in timed.items()],
    )
    wrong = [row for row in rows if row["unit"] == "runtimes" and not row["met"]]
    lines += [
        f"\n{row['what']}: {', '.join(row['details']['disagreeing'])}; not compared."
        for row in wrong
    ]
    versions = next(iter(timed.values()))[0]["details"]["versions"] if timed else {}
    shown = ", ".join(f"{name} {version}" for name, version in versions.items())
    return [*lines, "", *_NOTES.splitlines(), f"Versions: {shown}."]


def _cells(program: str, threads: int, pair: list[Document]) -> list[str]:
    median_ms = pair[0]["details"]["median_ms"]
    runtimes = (EAGER, EXECUTORCH, ONNXRUNTIME, OPENVINO)
    ratios = {row["baseline"]: row for row in pair}
    return [
        program,
        str(threads),
        *(f"{median_ms[name]:.2f}" for name in runtimes),
        _ratio(ratios["ONNX Runtime"]),
        _ratio(ratios["ExecuTorch"]),
    ]


def _ratio(row: Document) -> str:
    return f"{row['value']:.3f} ({goal_text(row)}: {verdict_text(row)})"
