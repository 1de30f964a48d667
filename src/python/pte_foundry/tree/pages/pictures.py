"""The pictures of a model: size, latency, delegation, and the errors that were measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.tree.pages.latencies import Latency, threads_text
from pte_foundry.tree.pages.programs import ListedProgram, Model
from pte_foundry.tree.plots.charts import Bar, Dot, DotRow, Row, bar_chart, dot_chart
from pte_foundry.tree.plots.svg import SERIES, Picture, text_width

_KINDS_NAMED = 4
_WIDTH = 720.0
_ROW = 42.0
_PARITY = "parity:"


@dataclass(frozen=True)
class MeasuredDifference:
    """Of one output for one input: largest and mean absolute difference. `of` names both, for people."""

    of: str
    largest: float
    mean: float


def read_differences(validation: Fields) -> tuple[MeasuredDifference, ...]:
    """Read the comparisons with the eager model from validation.json; none if nothing could run the program.

    Raises:
        PteError: `bad-request` naming the field that is missing or wrong.
    """
    found = []
    for case in validation.objects("cases"):
        name = case.text("name")
        if not name.startswith(_PARITY) or case.text("status") == "skipped":
            continue
        measured = case.nested("measured")
        for output in sorted(measured.values):
            values = measured.nested(output)
            largest, mean = values.number("max_abs"), values.number("mean_abs")
            if not (0 <= mean <= largest < math.inf):
                raise values.error("max_abs", f"is {largest} and `mean_abs` is {mean}")
            found.append(
                MeasuredDifference(f"{name.removeprefix(_PARITY)}, {output}", largest, mean)
            )
    return tuple(found)


def size_picture(model: Model) -> Picture:
    """Megabytes (10^6 bytes) of every program."""
    rows = [
        Row(program.label, (Bar(program.size / 1e6, f"{program.megabytes:.2f} MB"),))
        for program in model.programs
    ]
    return bar_chart(f"{model.name}: size of each program", rows)


def latency_picture(model: Model, latencies: Mapping[str, Sequence[Latency]]) -> Picture | None:
    """Median milliseconds of a call, a bar for each number of threads, with a stroke for the baseline's.

    Programs that were not measured are left out; None if that is all of them.

    Args:
        latencies: by the program's address.

    Raises:
        PteError: `bad-latencies` for more numbers of threads than there are colours.
    """
    measured = {
        program.label: {latency.threads: latency for latency in those}
        for program in model.programs
        if (those := latencies.get(program.address))
    }
    if not measured:
        return None
    threads = sorted({number for by_threads in measured.values() for number in by_threads})
    if len(threads) > len(SERIES):
        raise PteError(
            "bad-latencies",
            f"the programs of {model.name} are measured with {len(threads)} numbers of threads, but a picture shows "
            f"{len(SERIES)} at most. Leave some out of the files of the tree's `latencies`",
        )
    rows = [
        Row(label, tuple(_latency_bar(by_threads.get(number)) for number in threads))
        for label, by_threads in measured.items()
    ]
    title = f"{model.name}: milliseconds of one call"
    return bar_chart(title, rows, [threads_text(number) for number in threads])


def _latency_bar(latency: Latency | None) -> Bar:
    if latency is None:
        return Bar(None, "not measured")
    baseline = latency.baselines[0]
    text = f"{latency.milliseconds:.2f} ms ({baseline.name}: {baseline.milliseconds:.2f})"
    return Bar(latency.milliseconds, text, baseline.milliseconds)


def error_picture(
    model: Model, differences: Mapping[str, tuple[MeasuredDifference, ...]]
) -> Picture:
    """For each program and input the largest difference from the eager model, as a dot.

    Args:
        differences: by the program's address.
    """
    rows = []
    for program in model.programs:
        measured = differences[program.address]
        rows.append(
            DotRow(
                program.label,
                tuple(
                    Dot(each.largest, f"{program.label}, {each.of}: {each.largest:.3g}")
                    for each in measured
                ),
                tuple((each.mean, each.largest) for each in measured),
                program.max_abs_difference if measured else None,
                "" if measured else "not compared: nothing on the machine could run it",
            )
        )
    return dot_chart(f"{model.name}: absolute difference from the eager model", rows)


def delegation_picture(model: Model) -> Picture:
    """For each program the share of its operators that a delegate runs, and which ones it does not."""
    left = max(text_width(program.label) for program in model.programs) + 12
    full = _WIDTH - left
    picture = Picture(
        f"{model.name}: operators by who runs them", _WIDTH, 24 + _ROW * len(model.programs)
    )
    picture.text(0, 12, picture.title, "faint")
    for number, program in enumerate(model.programs):
        y = 24 + _ROW * number
        picture.text(left - 8, y + 13, program.label, anchor="end")
        inside = full * program.delegated_fraction
        if inside:
            hint = f"{program.delegated_fraction:.1%} of the operators are in a delegate"
            picture.box(left, y + 2, inside, 14, "series0", hint)
        x = left + inside
        total = sum(program.undelegated.values())
        for operator, count in most_first(program.undelegated):
            width = (full - inside) * count / total
            # A gap between kinds of operators, where there is room for one.
            picture.box(
                x, y + 2, max(width - 1, 0.5), 14, "series2", f"{count} x {short(operator)}"
            )
            x += width
        picture.text(left, y + 30, delegation_text(program), "faint")
    return picture


def delegation_text(program: ListedProgram) -> str:
    """e.g. `1 call of XnnpackBackend; nothing in portable kernels`."""
    if program.delegates:
        calls = ", ".join(
            f"{count} call{'s' * (count != 1)} of {name}"
            for name, count in sorted(program.delegates.items())
        )
    else:
        calls = "no delegate"
    if not program.undelegated:
        return f"{calls}; nothing in portable kernels"
    named = most_first(program.undelegated)
    kinds = [f"{count} {short(operator)}" for operator, count in named[:_KINDS_NAMED]]
    if len(named) > _KINDS_NAMED:
        kinds.append(f"{len(named) - _KINDS_NAMED} other kinds")
    total = sum(program.undelegated.values())
    return f"{calls}; {total} in portable kernels: {', '.join(kinds)}"


def short(operator: str) -> str:
    """`convolution` for `aten::convolution.out`."""
    return operator.rpartition("::")[2].partition(".")[0] or operator


def most_first(undelegated: Mapping[str, int]) -> list[tuple[str, int]]:
    """By count, the greatest first; equal counts by name."""
    return sorted(undelegated.items(), key=lambda item: (-item[1], item[0]))
