"""Checks of what a program predicts, which only trained weights can pass (standard library only)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pte_foundry.records.json_fields import Fields

_RANGES = {
    "min_trained_cosine": (-1.0, 1.0),
    "min_top1_agreement": (0.0, 1.0),
    "min_matched_detections": (0.0, 1.0),
    "max_extra_detections": (0.0, 1.0),
    "max_score_difference": (0.0, 1.0),
    "min_box_iou": (0.0, 1.0),
}


@dataclass(frozen=True)
class TrainedChecks:
    """Thresholds against the eager fp32 model; None sets no bound, and at least one is set.

    Attributes:
        min_trained_cosine: least cosine similarity of an output on each photograph, in [-1, 1].
        min_top1_agreement: of the photographs with a sure top-1 class, the least share on which the
            program has the same one, in [0, 1], see `pte_foundry.validation.trained`.
        min_matched_detections: least share of the detections that the program finds again, in
            [0, 1], see `pte_foundry.validation.detections`.
        max_extra_detections: greatest number of detections that the program invents, as a share of
            the eager model's, in [0, 1].
        max_score_difference: greatest difference of the scores of two matched detections, in
            [0, 1].
        min_box_iou: least overlap of the boxes of two matched detections, in [0, 1].
    """

    min_trained_cosine: float | None = None
    min_top1_agreement: float | None = None
    min_matched_detections: float | None = None
    max_extra_detections: float | None = None
    max_score_difference: float | None = None
    min_box_iou: float | None = None

    @staticmethod
    def read(fields: Fields) -> TrainedChecks:
        """Raises PteError `bad-request` for a value outside its range, and if all are null."""
        values = {name: fields.optional_number(name) for name in _RANGES}
        for name, (least, most) in _RANGES.items():
            value = values[name]
            if value is not None and not least <= value <= most:
                raise fields.error(name, f"is {value}, not between {least:g} and {most:g}")
        if not any(value is not None for value in values.values()):
            raise fields.error(next(iter(_RANGES)), "and the other thresholds are all null")
        return TrainedChecks(**values)

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    @property
    def judges_detections(self) -> bool:
        """Whether there is any bound on detections."""
        bounds = (
            self.min_matched_detections,
            self.max_extra_detections,
            self.max_score_difference,
            self.min_box_iou,
        )
        return any(bound is not None for bound in bounds)

    @property
    def allows_losses(self) -> bool:
        """Whether some detections may be missing or invented."""
        return (self.min_matched_detections, self.max_extra_detections) != (1.0, 0.0)
