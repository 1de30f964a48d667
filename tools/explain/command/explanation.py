"""What `explain.inside.explain_export` found out about a program."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class DelegateCall:
    """See `explain.inside.delegate_calls`."""

    call: int
    delegate: str
    operators: Mapping[str, int]
    payload_bytes: int
    named_data_bytes: int


@dataclass(frozen=True)
class LeftOver:
    """See `explain.inside.lowering_record`."""

    node: str
    operator: str
    module: str
    reason: str


@dataclass(frozen=True)
class Explanation:
    """See `explanation_json` in `explain.inside.explain_export`."""

    model: str
    versions: Mapping[str, str]
    sha256: str
    size: int
    operators: Mapping[str, int]
    delegate_calls: tuple[DelegateCall, ...]
    left_over: tuple[LeftOver, ...]
    kernels: Mapping[str, int]

    @property
    def delegated(self) -> Mapping[str, int]:
        """Operator -> how many of its calls are in delegates."""
        total: Counter[str] = Counter()
        for call in self.delegate_calls:
            total.update(call.operators)
        return total

    @property
    def left(self) -> Mapping[str, int]:
        """Operator -> how many of its calls no delegate takes."""
        return Counter(each.operator for each in self.left_over)

    @property
    def grouped(self) -> list[tuple[str, str, list[LeftOver]]]:
        """What is left over by operator and reason; the most frequent first."""
        groups: dict[tuple[str, str], list[LeftOver]] = {}
        for each in self.left_over:
            groups.setdefault((each.operator, each.reason), []).append(each)
        found = [(operator, reason, nodes) for (operator, reason), nodes in groups.items()]
        return sorted(found, key=lambda group: (-len(group[2]), group[0], group[1]))


def parse_explanation(text: str) -> Explanation:
    """Read `explanation.json`. Raises KeyError or TypeError for other content."""
    data: dict[str, Any] = json.loads(text)
    return Explanation(
        model=data["model"],
        versions=data["versions"],
        sha256=data["sha256"],
        size=data["size"],
        operators=data["operators"],
        delegate_calls=tuple(DelegateCall(**call) for call in data["delegate_calls"]),
        left_over=tuple(LeftOver(**each) for each in data["left_over"]),
        kernels=data["kernels"],
    )


def explanation_json(address: str, explanation: Explanation) -> str:
    """For scripts: the address and all fields."""
    return json.dumps({"address": address, **asdict(explanation)}, indent=2)
