"""The `pte_program` target: one `.pte`."""

from __future__ import annotations

from pants.core.goals.package import OutputPathField
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    DictStringToStringField,
    FloatField,
    IntField,
    OptionalSingleSourceField,
    SpecialCasedDependencies,
    StringField,
    StringSequenceField,
    Target,
)
from pants.util.strutil import help_text

from pte_build.targets.pictures import CalibrationSet
from pte_build.targets.pte_backend import PRECISIONS, BackendOptionsField, BackendRewritesField


class ProgramDependenciesField(Dependencies):
    pass


class ProgramModelField(StringField):
    alias = "model"
    required = True
    help = "The model's name, for the builder, the index and the apps that read it."


class ProgramTaskField(StringField):
    alias = "task"
    help = help_text(
        """
        What the model does, in a word or two, e.g. `object detection`: a filter on a tree's pages. It is used nowhere
        else, so changing it rebuilds only the pages.
        """
    )


class ProgramWeightsField(SpecialCasedDependencies):
    alias = "weights"
    required = True
    help = "The `model_weights` target with the model's checkpoint, one address."


class ProgramBuilderField(SpecialCasedDependencies):
    alias = "builder"
    required = True
    help = help_text(
        """
        The file of the builder module, one address. Its function `build(model)` returns the eager model's
        structure, its input contract and how to read a checkpoint (`src/python/pte_foundry/models/definition.py` has
        the contract; if the checkpoint is the whole model, the function is `load`). Only the file and what it imports
        are inputs of the program, no other model's files.
        """
    )


class ProgramBuilderResolveField(StringField):
    alias = "builder_resolve"
    help = help_text(
        """
        The entry of `[python].resolves` with what the builder imports beyond the backend's toolchain, e.g. torchvision.
        Its lockfile must not contain torch: an export's toolchain is the backend's lock and this one together.
        """
    )


class ProgramInputsField(DictStringToStringField):
    alias = "inputs"
    required = True
    help = help_text(
        """
        The program's inputs, in the model's order: name to data type and shape, for example
        `{"image": "float32[1,3,224,224]"}`. In `int64[1,seq=1..128]{0..999}` the app chooses the second dimension, from
        1 to 128, and values are from 0 to 999 (of floats, `{0.0..1.0}`). Inputs that use the same dimension name share
        it.
        """
    )


class ProgramBackendField(SpecialCasedDependencies):
    alias = "backend"
    required = True
    help = "The `pte_backend` target to lower with, one address."


class ProgramPrecisionField(StringField):
    alias = "precision"
    valid_choices = PRECISIONS
    help = "The precision to lower to. Default: the backend's."


class ProgramOptionsField(DictStringToStringField):
    alias = "options"
    help = f"Lowering options for this program, which override the backend's `{BackendOptionsField.alias}`."


class ProgramRewritesField(SpecialCasedDependencies):
    alias = "rewrites"
    help = f"Files of exact rewrites for this program, applied after the backend's `{BackendRewritesField.alias}`."


class ProgramLabelsField(OptionalSingleSourceField):
    alias = "labels"
    help = "The text file with the names of the model's classes, one per line, in the order of its output."


class MaxDelegateCallsField(IntField):
    alias = "max_delegate_calls"
    help = help_text(
        """
        Delegation floor: the build fails if the program calls its delegate more often than this. With 1, the delegate
        must take the graph in one piece.
        """
    )


class MaxUndelegatedOperatorsField(IntField):
    alias = "max_undelegated_operators"
    help = help_text(
        """
        Delegation floor: the build fails if more operator calls than this are left to the portable kernels. The error
        lists them.
        """
    )


class MinDelegatedFractionField(FloatField):
    alias = "min_delegated_fraction"
    help = help_text(
        """
        Delegation floor: the minimum share of the graph's operators that the delegate takes, 0.0 to 1.0.
        """
    )


class ProgramUnavailableField(StringField):
    alias = "unavailable"
    help = help_text(
        """
        Why this program cannot be built, for example "Vulkan's int8 operators lack hardswish". If set, globs skip
        the program with a message, an index lists it with the reason, and naming it is an error.
        The rest of the declaration need not build.
        """
    )


class ProgramOutputPathField(OutputPathField):
    help = help_text(
        """
        Where to write the `.pte` below `dist/`. Default: the folder of the BUILD file and
        the target's name, as in `models/yolo/yolo11n_coreml.pte`. The report is next to it.
        """
    )

    def pte_path(self) -> str:
        return self.value or f"{self.address.spec_path}/{self.address.target_name}.pte".lstrip("/")


class ProgramImportsField(SpecialCasedDependencies):
    alias = "imports"
    help = help_text(
        """
        Python files to import before the builder, for what they register: custom operators (`torch.library`) with
        their decompositions, or classes that the checkpoint refers to.
        """
    )


class ProgramOutputsField(StringSequenceField):
    alias = "outputs"
    default = ()
    help = help_text(
        """
        Names of the outputs, in order, for a model that is a file (`pte_foundry/models/own/`). Default: the keys
        of dicts and fields of dataclasses. A Python builder names them itself.
        """
    )


class ProgramAllowedClassesField(StringSequenceField):
    alias = "allowed_classes"
    default = ()
    help = help_text(
        """
        Dotted names of the classes that the checkpoint's pickle may refer to, for
        `pte_foundry/models/own/pickled_module.py`: subclasses of `torch.nn.Module`. The file may construct them
        with any arguments.
        """
    )


OWN_MODEL_FIELDS = (ProgramImportsField, ProgramOutputsField, ProgramAllowedClassesField)


QUANTIZED_PRECISION = "int8"


class ProgramQuantizationField(SpecialCasedDependencies):
    alias = "quantization"
    help = help_text(
        f"""
        The file of the quantization recipe, one address; only for programs of the precision {QUANTIZED_PRECISION!r}
        (`src/python/pte_foundry/quantization/recipe.py` has the contract). The file and what it imports are inputs of
        the programs that name it, and of no others.
        """
    )


class ProgramQuantizationOptionsField(DictStringToStringField):
    alias = "quantization_options"
    help = f"Options of the recipe in `{ProgramQuantizationField.alias}`, as strings. The report has them too."


class ProgramCalibrationField(SpecialCasedDependencies):
    alias = "calibration"
    help = help_text(
        f"""
        The `{CalibrationSet.alias}` target with the pictures or samples from which the recipe learns activation ranges,
        one address. Omit it for a recipe that needs none.
        """
    )


class MinQuantizedWeightsField(FloatField):
    alias = "min_quantized_weights"
    help = help_text(
        f"""
        Quantization floor: the minimum share of the weights' elements stored as integers, above 0.0 and at most
        1.0. Required for {QUANTIZED_PRECISION} programs: a partly quantized one must say so.
        """
    )


class MinQuantizedComputeField(FloatField):
    alias = "min_quantized_compute"
    help = help_text(
        """
        Quantization floor: the minimum share of one forward pass's multiply-accumulates with two integer operands,
        above 0.0 and at most 1.0. Omit it if only weights are quantized.
        """
    )


QUANTIZATION_FIELDS = (
    ProgramQuantizationField,
    ProgramQuantizationOptionsField,
    ProgramCalibrationField,
    MinQuantizedWeightsField,
    MinQuantizedComputeField,
)


class PteProgram(Target):
    alias = "pte_program"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        ProgramDependenciesField,
        ProgramModelField,
        ProgramTaskField,
        ProgramWeightsField,
        ProgramBuilderField,
        ProgramBuilderResolveField,
        ProgramInputsField,
        *OWN_MODEL_FIELDS,
        ProgramBackendField,
        ProgramPrecisionField,
        ProgramOptionsField,
        ProgramRewritesField,
        ProgramLabelsField,
        MaxDelegateCallsField,
        MaxUndelegatedOperatorsField,
        MinDelegatedFractionField,
        *QUANTIZATION_FIELDS,
        ProgramUnavailableField,
        ProgramOutputPathField,
    )
    help = help_text(
        f"""
        One ExecuTorch program (`.pte`) and its report.

        Its bytes are a function of: the checkpoint (`{ProgramWeightsField.alias}`), the files of the builder and of the
        lowering with what they import (`{ProgramBuilderField.alias}`, `{ProgramBackendField.alias}`), the rewrites, the
        inputs, the options, two lockfiles and, if it is quantized, the recipe and its pictures
        (`{ProgramQuantizationField.alias}`). Nothing else rebuilds it, and the same inputs give the same bytes
        on any machine.

        By convention its name is `<model>[_<precision>]_<backend>`, without the precision if it is the
        backend's default, and its `pte_test` is `<program>_test`. The macro `pte_model` declares both.

        `./pants package ADDRESS` writes `<name>.pte` and `<name>.json` to `dist/<folder of the BUILD file>/`.
        """
    )
