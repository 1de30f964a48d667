"""Fields of `pte_test` with thresholds that only trained weights are held to."""

from __future__ import annotations

from pants.engine.target import FloatField

_TRAINED_ONLY = (
    "Applied on trained weights only; with seeded ones the test says that it was skipped."
)


class MinTrainedCosineField(FloatField):
    alias = "min_trained_cosine"
    help = (
        "The least cosine similarity of the program's outputs with the eager fp32 model's on each photograph. "
        f"{_TRAINED_ONLY}"
    )


class MinTop1AgreementField(FloatField):
    alias = "min_top1_agreement"
    help = (
        "Of the photographs on which the eager fp32 model gives a class more than 0.4, the least share on which the "
        f"program has the same top-1 class. {_TRAINED_ONLY}"
    )


class MinMatchedDetectionsField(FloatField):
    alias = "min_matched_detections"
    help = (
        "Of the eager fp32 model's detections with a score above 0.4, the least share that the program finds again: "
        "class equal, boxes with an IoU of at least 0.8, score above 0.25. Over all photographs together, at least 8; "
        "one is enough if all are to be found and `max_extra_detections` is 0. "
        f"{_TRAINED_ONLY}"
    )


class MaxExtraDetectionsField(FloatField):
    alias = "max_extra_detections"
    help = (
        "The greatest number of the program's detections with a score above 0.4 that the eager fp32 model does not "
        f"have, as a share of the eager model's. {_TRAINED_ONLY}"
    )


class MaxScoreDifferenceField(FloatField):
    alias = "max_score_difference"
    help = f"The greatest difference of the scores of a detection that both find. {_TRAINED_ONLY}"


class MinBoxIouField(FloatField):
    alias = "min_box_iou"
    help = (
        "The least overlap (intersection over union) of the boxes of a detection that both find; below 0.8 they are "
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
