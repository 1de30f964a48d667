"""The page `docs/benchmarks.md`, made from result files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bench.benchmarks.measurement import value_text
from bench.benchmarks.registry import BENCHMARKS
from bench.command.latency_table import latency_lines
from bench.command.markdown_table import goal_text, table, verdict_text
from bench.command.result_file import Document
from bench.command.versions_table import versions_lines
from bench.command.workers_table import workers_lines

_INTRODUCTION = """\
# Benchmarks

Each number is compared with another one of the same run on the same machine; only such ratios mean anything elsewhere.
Weights are seeded. Do not edit this page: it is made by

    ./foundry bench --json RESULT --markdown docs/benchmarks.md

and again, from earlier results and without running anything, by

    ./foundry bench --from RESULT --from ANOTHER --markdown docs/benchmarks.md

This page and its pictures are those of the results in `docs/bench/results`:

    ./foundry bench --from docs/bench/results --markdown docs/benchmarks.md --plots docs/bench
"""
# Of runnable processes. Below it, the benchmarks have the machine to themselves.
_QUIET_LOAD = 0.5
# Benchmarks whose measurements are not a row each.
_OWN_LINES: Mapping[str, Callable[[list[Document]], list[str]]] = {
    "latency": latency_lines,
    "versions": versions_lines,
    "workers": workers_lines,
}


def markdown_page(
    documents: Sequence[Document], plots: Mapping[str, Sequence[str]] | None = None
) -> str:
    """One section for each benchmark of each document, in the documents' order.

    Args:
        plots: benchmark -> its pictures in Markdown, which its first section shows.
    """
    sections = [_INTRODUCTION]
    left = dict(plots or {})
    for document in documents:
        rows = document["measurements"]
        for name in dict.fromkeys(row["benchmark"] for row in rows):
            of_name = [row for row in rows if row["benchmark"] == name]
            lines = _OWN_LINES.get(name, _lines)(of_name)
            if pictures := left.pop(name, ()):
                lines = [*pictures, "", *lines]
            sections.append(_section(document, name, of_name, lines))
        for name, reason in document["errors"].items():
            sections.append(f"## {name}\n\nCould not be measured: {reason.splitlines()[0]}\n")
    return "\n".join(sections)


def _section(document: Document, name: str, rows: list[Document], lines: list[str]) -> str:
    about = {benchmark.name: benchmark.about for benchmark in BENCHMARKS}.get(name, "")
    met = sum(row["met"] for row in rows)
    return "\n".join(
        [
            f"## {name}",
            "",
            f"{about[:1].upper()}{about[1:]}. Goals met: {met} of {len(rows)}.",
            "",
            *lines,
            "",
            _origin(document),
            "",
        ]
    )


def _origin(document: Document) -> str:
    machine = document["machine"]
    changed = " with changes" if document["modified"] else ""
    command = " ".join(["./foundry bench", *document["command"]])
    return (
        f"`{command}` at commit {document['commit'][:12]}{changed}, on {machine['system']}, "
        f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['memory_gb']:g} GB; load in the minute before: "
        f"{machine['load']:g}.{_note(machine)}"
    )


def _note(machine: Document) -> str:
    if machine["load"] < _QUIET_LOAD:
        return ""
    return " **Preliminary: the machine was busy with other work.**"


def _lines(rows: list[Document]) -> list[str]:
    lines = table(
        ["measured", "against", "value", "goal", "verdict"],
        [
            [
                row["what"],
                row["baseline"],
                value_text(row["value"], row["unit"]),
                goal_text(row),
                verdict_text(row),
            ]
            for row in rows
        ],
    )
    kinds = next((row["details"]["kinds"] for row in rows if "kinds" in row["details"]), None)
    if kinds:
        lines += [
            "",
            *table(
                ["processes of the whole command, some in parallel", "ran", "s"],
                [[kind, str(one["count"]), f"{one['seconds']:.0f}"] for kind, one in kinds.items()],
            ),
        ]
    each = {name: row["details"].get(name) for row in rows for name in row["details"]}
    seconds, memory = each.get("each_seconds"), each.get("each_gb")
    if seconds and memory:
        lines += [
            "",
            *table(
                ["process of the script, alone", "s", "peak memory, GB"],
                [[what, f"{seconds[what]:.1f}", f"{memory[what]:.2f}"] for what in seconds],
            ),
        ]
    return lines
