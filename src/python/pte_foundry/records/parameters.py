"""How many parameters a model has, and how large they are before any lowering."""

from __future__ import annotations

from dataclasses import dataclass

from pte_foundry.records.json_fields import Fields


@dataclass(frozen=True)
class Parameters:
    """Of the eager model, before any rewrite; buffers, such as running means, do not count.

    Attributes:
        count: elements of all parameters, a shared one counted once.
        bytes: what they take in the eager model's own element types.
    """

    count: int
    bytes: int

    @staticmethod
    def read(fields: Fields) -> Parameters:
        """Raises PteError `bad-request` naming the field that is missing or wrong."""
        return Parameters(fields.count("count"), fields.count("bytes"))

    def to_json(self) -> dict[str, int]:
        return {"count": self.count, "bytes": self.bytes}
