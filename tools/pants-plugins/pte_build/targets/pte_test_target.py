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
from pte_build.targets.pte_backend import BackendSizeRatiosField
from pte_build.targets.samples import SampleSet

DEFAULT_SIZE_RATIO = 1.1


class TestDependenciesField(Dependencies):
    __test__ = False


class TestProgramField(SpecialCasedDependencies):
    alias = "program"
    required = True
    help = "The `pte_program` to validate, one address."
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
        "Parity: minimum cosine similarity of the program's outputs with the eager fp32 model's, per input. An int8 "
        "program with photographs or samples is judged only on these: calibration has not seen other inputs."
    )


class MaxAbsDifferenceField(FloatField):
    alias = "max_abs_difference"
    default = 1e-3
    help = "Parity: maximum absolute difference of any output element from the eager fp32 model's."


class MaxRelativeErrorField(FloatField):
    alias = "max_relative_error"
    help = (
        "Parity: maximum length of the differences of an output from the eager fp32 model's, as a share of that "
        "output's length. It has no unit, so it fits a model whose outputs have an unknown scale."
    )


class MaxSizeRatioField(FloatField):
    alias = "max_size_ratio"
    help = (
        "Budget: maximum size of the `.pte`, as a multiple of the model's parameters in float32. Default: what "
        f"the backend's `{BackendSizeRatiosField.alias}` has for the program's precision, else "
        f"{DEFAULT_SIZE_RATIO}. A failure has the kind `budget`."
    )


class MaxPlannedMemoryRatioField(FloatField):
    alias = "max_planned_memory_ratio"
    default = 1.05
    help = (
        "Budget: maximum memory that the program plans (its report's `planned_memory_bytes`), as a multiple of "
        "its inputs and outputs. A delegate that takes the whole graph leaves nothing else to plan; portable programs "
        "plan every intermediate value."
    )


CHECK_FIELDS = (
    MinCosineField,
    MaxAbsDifferenceField,
    MaxSizeRatioField,
    MaxPlannedMemoryRatioField,
)

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


class TestTimeLimitField(IntField):
    alias = "time_limit"
    default = 300
    help = (
        "Seconds that a process may take for one step on the program's bytes: to parse them, to load them, to run one "
        "input. Its CPU time limit is twice that. A program that takes longer fails."
    )
    __test__ = False


class TestMemoryLimitField(IntField):
    alias = "memory_limit"
    default = 4096
    help = (
        "MB of memory that such a process may allocate for the program. A program that needs more fails. Enforced "
        "only on Linux."
    )
    __test__ = False


class TestPhotographsField(SpecialCasedDependencies):
    alias = "photographs"
    help = f"A `{PhotographSet.alias}` target: real pictures as further inputs."
    __test__ = False


class TestSamplesField(SpecialCasedDependencies):
    alias = "samples"
    help = f"A `{SampleSet.alias}` target: inputs of the model as further inputs, for one that takes no pictures."
    __test__ = False


class TestExpectedLabelsField(DictStringToStringField):
    alias = "expected_labels"
    help = help_text(
        """
        Name of a photograph to what trained weights see in it. For a classifier, the label with the highest score:
        `{"coffee.png": "espresso"}`. For a detector, the labels of the objects that it must find with a score above
        0.5, once per object: `{"bus.jpg": "bus, person, person, person"}`; it may find more. With seeded weights this
        part of the test is reported as skipped.
        """
    )
    __test__ = False


class TestTimeoutField(IntField):
    alias = "timeout"
    default = 900
    help = "Seconds after which the whole validation is stopped and fails."
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
        MaxRelativeErrorField,
        *TRAINED_CHECK_FIELDS,
        MaxSizeRatioField,
        MaxPlannedMemoryRatioField,
        TestPhotographsField,
        TestSamplesField,
        TestExpectedLabelsField,
        TestTimeLimitField,
        TestMemoryLimitField,
        TestTimeoutField,
    )
    help = help_text(
        f"""
        The validation of one `pte_program`, on the very bytes that `package` writes: it parses, calls the delegate that
        its backend promises, loads and runs in the ExecuTorch runtime, agrees with the eager model
        (`{MinCosineField.alias}`, `{MaxAbsDifferenceField.alias}`) and, on trained weights, recognises
        photographs (`{TestExpectedLabelsField.alias}`) and predicts what the eager model predicts
        ({', '.join(f'`{field.alias}`' for field in TRAINED_CHECK_FIELDS)}). It stays within its budgets
        (`{MaxSizeRatioField.alias}`, `{MaxPlannedMemoryRatioField.alias}`) and reveals nothing about the machine that
        built it. Whatever could crash, hang or exhaust memory runs in a process with limits
        (`{TestTimeLimitField.alias}`, `{TestMemoryLimitField.alias}`); exceeding them is a failure like any other.

        A program without a passing test gets into no index and no tree.
        """
    )
    __test__ = False
