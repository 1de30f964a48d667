"""How much of a program the delegates run, and what they leave (standard library only)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pte_foundry.records.json_fields import Fields


@dataclass(frozen=True)
class Delegation:
    """What a program calls.

    Attributes:
        delegates: delegate id -> calls. An id with 0 calls is listed but never called.
        undelegated: operator left to the portable kernels, e.g. `aten::add.out` -> calls.
        operators_before_lowering: operators of the graph before partitioning.
    """

    delegates: Mapping[str, int]
    undelegated: Mapping[str, int]
    operators_before_lowering: int

    @property
    def calls(self) -> int:
        return sum(self.delegates.values())

    @property
    def undelegated_total(self) -> int:
        return sum(self.undelegated.values())

    @property
    def delegated_fraction(self) -> float:
        """Share of the operators that a delegate runs, in [0, 1], to 6 digits.

        `1 - undelegated_total / operators_before_lowering`; 0 for a program that calls no delegate,
        whose operator count may shrink by fusion alone.
        """
        if not self.calls or not self.operators_before_lowering:
            return 0.0
        return round(max(0.0, 1.0 - self.undelegated_total / self.operators_before_lowering), 6)

    @staticmethod
    def read(fields: Fields) -> Delegation:
        """Read the `delegation` section of facts.json or of a report.

        Raises:
            PteError: `bad-request` for an ill-typed field, or for a sum or a fraction that
                contradicts the counts beside it.
        """
        delegation = Delegation(
            fields.count_map("delegates"),
            fields.count_map("undelegated"),
            fields.count("operators_before_lowering"),
        )
        for name, stated, counted in (
            ("calls", fields.count("calls"), delegation.calls),
            ("undelegated_total", fields.count("undelegated_total"), delegation.undelegated_total),
            (
                "delegated_fraction",
                fields.number("delegated_fraction"),
                delegation.delegated_fraction,
            ),
        ):
            if stated != counted:
                raise fields.error(name, f"is {stated}, but the counts beside it give {counted}")
        return delegation

    def to_json(self) -> dict[str, object]:
        return {
            "delegates": dict(self.delegates),
            "calls": self.calls,
            "undelegated": dict(self.undelegated),
            "undelegated_total": self.undelegated_total,
            "operators_before_lowering": self.operators_before_lowering,
            "delegated_fraction": self.delegated_fraction,
        }


def listed(counts: Mapping[str, int]) -> str:
    """`a x 3, b x 1`: most frequent first, then by name; `none` for nothing."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} x {count}" for name, count in ordered) or "none"
