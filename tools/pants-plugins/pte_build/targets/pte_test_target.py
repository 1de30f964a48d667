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

from pte_build.targets.photograph_set import PhotographSet
from pte_build.targets.trained_checks import TRAINED_CHECK_FIELDS


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
    help = "Seconds after which the validation process is stopped and counts as failed."
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
        TestPhotographsField,
        TestExpectedLabelsField,
        TestTimeoutField,
    )
    help = help_text(
        f"""
        The validation of one `pte_program`, on the very bytes that `package` writes: it parses, calls the delegate that
        its backend promises, loads and runs in the ExecuTorch runtime, agrees with the eager model
        (`{MinCosineField.alias}`, `{MaxAbsDifferenceField.alias}`) and, on trained weights, names what is on
        photographs (`{TestExpectedLabelsField.alias}`) and predicts what the eager model predicts
        ({', '.join(f'`{field.alias}`' for field in TRAINED_CHECK_FIELDS)}).

        A program without a passing test gets into no index and no tree.
        """
    )
    __test__ = False
