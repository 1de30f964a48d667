"""How often a program was right on somebody's data, as a part of what was measured (standard library only)."""

from __future__ import annotations

from dataclasses import dataclass

from pte_foundry.records.json_fields import Fields
from pte_foundry.records.outside_fields import count, only, share, words

MOST_SCORES = 16

_MOST_PICTURES = 10**9


@dataclass(frozen=True)
class Score:
    """Attributes:
    name: of the measure, e.g. `top-1` or `mAP50-95`.
    value: of the program, between 0 and 1.
    eager: of the eager fp32 model on the same data; None if it was not measured.
    """

    name: str
    value: float
    eager: float | None

    @staticmethod
    def read(fields: Fields) -> Score:
        """Raises PteError `bad-request` naming the field that is missing or wrong."""
        only(fields, "name", "value", "eager")
        return Score(
            words(fields, "name"),
            share(fields, "value"),
            share(fields, "eager") if fields.has("eager") else None,
        )

    def to_json(self) -> dict[str, object]:
        eager = {} if self.eager is None else {"eager": self.eager}
        return {"name": self.name, "value": self.value, **eager}


@dataclass(frozen=True)
class MeasuredAccuracy:
    """Attributes:
    data_set: its name.
    pictures: how many it has.
    sha256: of its pictures and of what is right for them.
    """

    data_set: str
    pictures: int
    sha256: str
    scores: tuple[Score, ...]

    @staticmethod
    def read(fields: Fields) -> MeasuredAccuracy:
        """Raises PteError `bad-request` naming the field that is missing or wrong."""
        only(fields, "data_set", "pictures", "sha256", "scores")
        scores = tuple(map(Score.read, fields.objects("scores")))
        names = {each.name for each in scores}
        if not 0 < len(scores) <= MOST_SCORES or len(names) != len(scores):
            raise fields.error("scores", f"are 1 to {MOST_SCORES}, each with another name")
        return MeasuredAccuracy(
            words(fields, "data_set"),
            count(fields, "pictures", _MOST_PICTURES),
            fields.sha256("sha256"),
            scores,
        )

    def to_json(self) -> dict[str, object]:
        return {
            "data_set": self.data_set,
            "pictures": self.pictures,
            "sha256": self.sha256,
            "scores": [each.to_json() for each in self.scores],
        }
