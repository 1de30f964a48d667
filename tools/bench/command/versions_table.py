"""The page's table of `versions`: a program in one row, instead of a row for each ratio."""

from __future__ import annotations

from bench.benchmarks.measurement import threads_text
from bench.command.markdown_table import goal_text, table
from bench.command.result_file import Document

_NOTES = """\
Where both versions write the same bytes, only the runtime differs. Time: the median of the rounds' ratios, in
brackets the middle half of them; each round runs both versions in turns. Error: the distance from the eager fp32
model's outputs."""


def versions_lines(rows: list[Document]) -> list[str]:
    """The table, how many programs have the same bytes, and what missed its goal."""
    programs = dict.fromkeys(row["details"]["program"] for row in rows)
    threads = sorted({row["details"]["threads"] for row in rows if "threads" in row["details"]})
    columns = [f"time, {threads_text(each)}" for each in threads]
    cells = [
        _cells([row for row in rows if row["details"]["program"] == each], threads)
        for each in programs
    ]
    same = sum(row["details"].get("same_bytes", False) for row in rows)
    new, old = rows[0]["details"]["versions"]
    missed = [
        f"- {row['what']}: {row['value']:.3f}, {goal_text(row)}" for row in rows if not row["met"]
    ]
    return [
        f"ExecuTorch {new} against {old}, as ratios, {goal_text(rows[0])}. {same} of {len(programs)} programs have "
        "the same bytes in both.",
        "",
        *table(
            ["program", "bytes", "error", *columns],
            [[name, *row] for name, row in zip(programs, cells)],
        ),
        "",
        *_NOTES.splitlines(),
        *(["", "Missed:", "", *missed] if missed else []),
    ]


def _cells(rows: list[Document], threads: list[int]) -> list[str]:
    (size,) = (row for row in rows if "same_bytes" in row["details"])
    errors = [row for row in rows if "error" in row["details"]]
    times = {row["details"]["threads"]: row for row in rows if "median_ms" in row["details"]}
    worst = max(errors, key=lambda row: float(row["value"]))
    return [
        "the same" if size["details"]["same_bytes"] else _ratio(size),
        _ratio(worst),
        *(_time(times[each]) if each in times else "–" for each in threads),
    ]


def _time(row: Document) -> str:
    least, most = row["details"]["middle_half_of_ratios"]
    return f"{_ratio(row)} ({least:.3f} to {most:.3f}), {row['details']['median_ms']:.2f} ms"


def _ratio(row: Document) -> str:
    value = f"{row['value']:.3f}"
    return value if row["met"] else f"**{value}**"
