"""The `pte_test` target: the validation of one program."""

from __future__ import annotations

from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    DictStringToStringField,
    FloatField,
    IntField,
    SourcesField,
    SpecialCasedDependencies,
    Target,
)
from pants.util.strutil import help_text

from pte_build.targets.pictures import PhotographSet


class TestDependenciesField(Dependencies):
    __test__ = False


class TestProgramField(SpecialCasedDependencies):
    alias = "program"
    required = True
    help = "The `pte_program` that is validated, one address."
    __test__ = False


class TestNoSourcesField(SourcesField):
    """Pants' test goal asks for a `sources` attribute; a validation has none."""

    alias = "_sources"
    uses_source_roots = False
    default = ()
    expected_num_files = 0
    help = "Not for use."
    __test__ = False


class MinCosineField(FloatField):
    alias = "min_cosine"
    default = 0.9999
    help = (
        "Parity: the least cosine similarity of the program's outputs with the eager fp32 model's, per input. An int8 "
        "program is judged on photographs only: other inputs are outside of what calibration has seen."
    )


class MaxAbsDifferenceField(FloatField):
    alias = "max_abs_difference"
    default = 1e-3
    help = "Parity: the greatest absolute difference of any output element from the eager fp32 model's."


class MaxSizeRatioField(FloatField):
    alias = "max_size_ratio"
    default = 1.1
    help = (
        "Budget: the greatest size of the `.pte`, as a multiple of the model's parameters in float32. A failure is of "
        "the kind `budget`."
    )


class MaxPlannedMemoryRatioField(FloatField):
    alias = "max_planned_memory_ratio"
    default = 1.05
    help = (
        "Budget: the greatest memory that the program plans (its report's `planned_memory_bytes`), as a multiple of "
        "its inputs and outputs. A delegate that takes the whole graph leaves nothing else to plan; portable programs "
        "have every intermediate value in it."
    )


CHECK_FIELDS = (
    MinCosineField,
    MaxAbsDifferenceField,
    MaxSizeRatioField,
    MaxPlannedMemoryRatioField,
)

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


class TestTimeLimitField(IntField):
    alias = "time_limit"
    default = 300
    help = (
        "Seconds that a process may take for one step on the program's bytes: to parse them, to load them, to run one "
        "input. It gets twice as much CPU time. A program that takes longer fails, as one that hangs would."
    )
    __test__ = False


class TestMemoryLimitField(IntField):
    alias = "memory_limit"
    default = 4096
    help = (
        "MB of memory that such a process may allocate for the program. A program that asks for more fails. Enforced "
        "on Linux."
    )
    __test__ = False


class TestPhotographsField(SpecialCasedDependencies):
    alias = "photographs"
    help = f"A `{PhotographSet.alias}` target: real pictures that go through the program too."
    __test__ = False


class TestExpectedLabelsField(DictStringToStringField):
    alias = "expected_labels"
    help = help_text(
        """
        Name of a photograph to what trained weights see in it: of a classifier the label with the greatest score, for
        example `{"coffee.png": "espresso"}`; of a detector the labels of objects that it finds with a score above 0.5,
        each as often as it is there: `{"bus.jpg": "bus, person, person, person"}`. It may find more. This part of the
        test is skipped, and says so, when the program was built from seeded weights.
        """
    )
    __test__ = False


class TestTimeoutField(IntField):
    alias = "timeout"
    default = 900
    help = "Seconds after which the whole validation is stopped and counts as failed."
    __test__ = False


class PteTest(Target):
    alias = "pte_test"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        TestDependenciesField,
        TestProgramField,
        TestNoSourcesField,
        MinCosineField,
        MaxAbsDifferenceField,
        *TRAINED_CHECK_FIELDS,
        MaxSizeRatioField,
        MaxPlannedMemoryRatioField,
        TestPhotographsField,
        TestExpectedLabelsField,
        TestTimeLimitField,
        TestMemoryLimitField,
        TestTimeoutField,
    )
    help = help_text(
        f"""
        The validation of one `pte_program`, on the very bytes that `package` writes: it parses, calls the delegate that
        its backend promises, loads and runs in the ExecuTorch runtime, agrees with the eager model
        (`{MinCosineField.alias}`, `{MaxAbsDifferenceField.alias}`) and, on trained weights, names what is on
        photographs (`{TestExpectedLabelsField.alias}`) and predicts what the eager model predicts
        ({', '.join(f'`{field.alias}`' for field in TRAINED_CHECK_FIELDS)}). It keeps its budgets
        (`{MaxSizeRatioField.alias}`, `{MaxPlannedMemoryRatioField.alias}`) and tells nothing of the machine that made
        it. What could crash, hang or take all memory does so in a process with limits (`{TestTimeLimitField.alias}`,
        `{TestMemoryLimitField.alias}`), and is a failure like any other.

        A program without a passing test gets into no index and no tree.
        """
    )
    __test__ = False
