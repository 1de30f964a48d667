"""Pictures of the results, for the page: the same bytes for the same result files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.command.result_file import Document
from bench.latency.files import EAGER, EXECUTORCH, ONNXRUNTIME, OPENVINO
from pte_foundry.tree.plots.charts import Bar, Row, bar_chart
from pte_foundry.tree.plots.svg import Picture

_RUNTIMES = {
    EXECUTORCH: "ExecuTorch",
    ONNXRUNTIME: "ONNX Runtime",
    OPENVINO: "OpenVINO",
    EAGER: "eager torch",
}


@dataclass(frozen=True)
class Plot:
    """`file` is the name in the folder of plots."""

    benchmark: str
    file: str
    picture: Picture


def plots(documents: Sequence[Document]) -> tuple[Plot, ...]:
    """Of the benchmarks `size`, `cold`, `latency`, `int8` and `workers`, over all documents; others have none."""
    rows = [row for document in documents for row in document["measurements"]]
    return (*_size(rows), *_cold(rows), *_latency(rows), *_int8(rows), *_workers(rows))


def _size(rows: list[Document]) -> Iterator[Plot]:
    """One for each family: file sizes against the model's parameters in fp32."""
    families: dict[str, list[Row]] = {}
    for row in _of(rows, "size", "parameters in fp32"):
        family = row["details"]["program"].partition(":")[0].rpartition("/")[2]
        megabytes = row["details"]["bytes"] / 1e6
        bar = Bar(row["value"], f"{row['value']:.3f} ({megabytes:.2f} MB)")
        families.setdefault(family, []).append(Row(_name(row), (bar,)))
    for family, members in families.items():
        picture = bar_chart(
            f"size of {family}: bytes / bytes of the parameters in fp32", members, mark=1.0
        )
        yield Plot("size", f"size-{family}.svg", picture)


def _cold(rows: list[Document]) -> Iterator[Plot]:
    """Where the time of the first cold run went, and what the script took."""
    seconds: dict[str, float] = {}
    for row in rows:
        details = row["details"]
        if row["benchmark"] != "cold":
            continue
        if "measured_seconds" in details:
            seconds |= {
                "exports alone": details["measured_seconds"],
                "script with stock ExecuTorch": details["baseline_seconds"],
            }
        if "kinds" in details:
            seconds["whole command"] = row["value"]
            for kind, of_kind in details["kinds"].items():
                seconds[f"of it {kind}: {of_kind['count']} processes"] = of_kind["seconds"]
            break
    if seconds:
        shown = [Row(what, (Bar(value, f"{value:.0f} s"),)) for what, value in seconds.items()]
        yield Plot("cold", "cold.svg", bar_chart("cold run: seconds", shown))


def _latency(rows: list[Document]) -> Iterator[Plot]:
    """One for each number of threads: medians against ONNX Runtime's, so that small and large models share a scale."""
    timed: dict[int, dict[str, Mapping[str, float]]] = {}
    for row in _of(rows, "latency", "ONNX Runtime"):
        details = row["details"]
        timed.setdefault(details["threads"], {})[_name(row)] = details["median_ms"]
    for threads, programs in sorted(timed.items()):
        words = f"{threads} thread{'s' * (threads != 1)}"
        shown = [
            Row(
                name,
                tuple(
                    Bar(ms[runtime] / ms[ONNXRUNTIME], f"{ms[runtime]:.2f} ms")
                    for runtime in _RUNTIMES
                ),
            )
            for name, ms in programs.items()
        ]
        title = f"latency with {words}: median time / ONNX Runtime's"
        picture = bar_chart(title, shown, tuple(_RUNTIMES.values()), mark=1.0)
        yield Plot("latency", f"latency-{threads}.svg", picture)


def _int8(rows: list[Document]) -> Iterator[Plot]:
    """Size and time of the int8 programs against those of the fp32 programs."""
    ratios: dict[str, dict[str, float]] = {}
    for row in _of(rows, "int8", "fp32 program"):
        details = row["details"]
        if "bytes" in details:
            ratios.setdefault(_name(row), {})["bytes"] = row["value"]
        elif "int8_ms" in details:
            words = f"time, {details['threads']} thread{'s' * (details['threads'] != 1)}"
            ratios.setdefault(_name(row), {})[words] = row["value"]
    series = sorted({name for found in ratios.values() for name in found})
    shown = [
        Row(
            program,
            tuple(
                (
                    Bar(found[name], f"{found[name]:.3f}")
                    if name in found
                    else Bar(None, "not measured")
                )
                for name in series
            ),
        )
        for program, found in ratios.items()
    ]
    if shown:
        yield Plot(
            "int8", "int8.svg", bar_chart("int8 programs / fp32 programs", shown, series, mark=1.0)
        )


def _workers(rows: list[Document]) -> Iterator[Plot]:
    """Seconds by the number of workers, and what they would be if slots did nothing but work."""
    simulated = [row["details"] for row in rows if row["benchmark"] == "workers"]
    if not simulated:
        return
    shown = [
        Row(
            f"{one['workers']} worker{'s' * (one['workers'] != 1)}",
            tuple(_simulated(each["schedules"][place]) for each in simulated),
        )
        for place, one in enumerate(simulated[0]["schedules"])
    ]
    series = [f"{each['state']}, {each['link']}" for each in simulated]
    title = "the matrix on workers, simulated: seconds; strokes: work alone"
    yield Plot("workers", "workers.svg", bar_chart(title, shown, series))


def _simulated(schedule: Document) -> Bar:
    seconds, busy = schedule["seconds"], schedule["busy"]
    return Bar(seconds, f"{seconds:.0f} s", mark=seconds * busy)


def _of(rows: list[Document], benchmark: str, baseline: str) -> Iterator[Document]:
    for row in rows:
        if (row["benchmark"], row["baseline"]) == (benchmark, baseline) and "program" in row[
            "details"
        ]:
            yield row


def _name(row: Document) -> str:
    return str(row["details"]["program"]).rpartition(":")[2]
