"""An explanation as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from explain.command.explanation import Explanation, LeftOver

_EXAMPLES = 3  # modules named for each reason


def explanation_texts(address: str, explanation: Explanation) -> Iterator[RenderableType]:
    versions = ", ".join(f"{name} {version}" for name, version in explanation.versions.items())
    yield Text(f"{address}: {explanation.size} bytes, SHA-256 {explanation.sha256}")
    yield Text(f"made with {versions}")
    yield _operators(explanation)
    yield _calls(explanation)
    if explanation.left_over:
        yield _left_over(explanation)
    kernels = _counted(explanation.kernels)
    yield Text(f"portable kernels that the program calls: {kernels or 'none'}")


def _operators(explanation: Explanation) -> Table:
    table = Table("operator", title="Graph before delegation", title_justify="left")
    for name in ("calls", "delegated", "left over"):
        table.add_column(name, justify="right")
    # Delegates see some operators that passes of theirs put in, and not all that they replaced.
    delegated, left = explanation.delegated, explanation.left
    for name in dict.fromkeys([*explanation.operators, *delegated, *left]):
        numbers = (explanation.operators.get(name, 0), delegated.get(name, 0), left.get(name, 0))
        table.add_row(Text(name), *map(str, numbers))
    table.add_section()
    totals = (explanation.operators, delegated, left)
    table.add_row("all", *(str(sum(counts.values())) for counts in totals))
    return table


def _calls(explanation: Explanation) -> Table:
    table = Table("call", "delegate", title="Delegate calls", title_justify="left")
    for name in ("operators", "payload", "data beside it"):
        table.add_column(name, justify="right")
    for call in explanation.delegate_calls:
        table.add_row(
            str(call.call),
            Text(call.delegate),
            str(sum(call.operators.values())),
            f"{call.payload_bytes} bytes",
            f"{call.named_data_bytes} bytes",
        )
    return table


def _left_over(explanation: Explanation) -> Table:
    table = Table("operator", title="Left to the portable kernels", title_justify="left")
    table.add_column("calls", justify="right")
    table.add_column("why")
    table.add_column("where")
    for operator, reason, nodes in explanation.grouped:
        table.add_row(Text(operator), str(len(nodes)), Text(reason), Text(_where(nodes)))
    return table


def _where(nodes: list[LeftOver]) -> str:
    modules = list(dict.fromkeys(each.module or "the model itself" for each in nodes))
    more = len(modules) - _EXAMPLES
    return ", ".join(modules[:_EXAMPLES]) + (f" and {more} more" if more > 0 else "")


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
