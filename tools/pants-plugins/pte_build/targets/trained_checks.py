"""Fields of `pte_test` with thresholds that only trained weights are held to."""

from __future__ import annotations

from pants.engine.target import FloatField

_TRAINED_ONLY = "Only for trained weights; with seeded ones the test reports it as skipped."


class MinTrainedCosineField(FloatField):
    alias = "min_trained_cosine"
    help = (
        "Minimum cosine similarity of the program's outputs with the eager fp32 model's on each photograph. "
        f"{_TRAINED_ONLY}"
    )


class MinTop1AgreementField(FloatField):
    alias = "min_top1_agreement"
    help = (
        "Minimum share of photographs with the same top-1 class, among those on which the eager fp32 model gives a "
        f"class more than 0.4. {_TRAINED_ONLY}"
    )


class MinMatchedDetectionsField(FloatField):
    alias = "min_matched_detections"
    help = (
        "Minimum share of the eager fp32 model's detections above 0.4 that the program finds again: "
        "same class, boxes with an IoU of at least 0.8, score above 0.25. Counted over all photographs together, which "
        "must be at least 8, or 1 if all detections must be found and `max_extra_detections` is 0. "
        f"{_TRAINED_ONLY}"
    )


class MaxExtraDetectionsField(FloatField):
    alias = "max_extra_detections"
    help = (
        "Maximum number of the program's detections above 0.4 that the eager fp32 model does not "
        f"have, as a share of the eager model's. {_TRAINED_ONLY}"
    )


class MaxScoreDifferenceField(FloatField):
    alias = "max_score_difference"
    help = f"Maximum score difference of a detection that both find. {_TRAINED_ONLY}"


class MinBoxIouField(FloatField):
    alias = "min_box_iou"
    help = (
        "Minimum overlap (intersection over union) of the boxes of a detection that both find; below 0.8 they count as "
        f"two detections. {_TRAINED_ONLY}"
    )


TRAINED_CHECK_FIELDS = (
    MinTrainedCosineField,
    MinTop1AgreementField,
    MinMatchedDetectionsField,
    MaxExtraDetectionsField,
    MaxScoreDifferenceField,
    MinBoxIouField,
)
