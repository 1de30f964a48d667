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
    help = "The model's name. The builder knows it under this name, and so do the index and the apps that read it."


class ProgramTaskField(StringField):
    alias = "task"
    help = help_text(
        """
        What the model does, in a word or two, e.g. `object detection`: readers of a tree's pages filter by it. It gets
        into nothing else, so changing it builds nothing again but the pages.
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
        The file of the builder module, one address. It has a function `build(model)` that gives the eager model's
        structure, its input contract and how a checkpoint is read (`src/python/pte_foundry/models/definition.py` has
        the contract; if the checkpoint is the whole model, the function is `load`). The file and what it imports, and
        no other model's files, are inputs of the program.
        """
    )


class ProgramBuilderResolveField(StringField):
    alias = "builder_resolve"
    help = help_text(
        """
        The entry of `[python].resolves` with what the builder imports beyond the backend's toolchain, e.g. torchvision.
        Its lockfile holds no torch: the toolchain of an export is the backend's lock and this one together.
        """
    )


class ProgramInputsField(DictStringToStringField):
    alias = "inputs"
    required = True
    help = help_text(
        """
        The program's inputs, in the order in which the model takes them: name to data type and shape, for example
        `{"image": "float32[1,3,224,224]"}`. In `int64[1,seq=1..128]{0..999}` an app chooses the second dimension, from
        1 to 128, and the values are from 0 to 999; inputs with a dimension of one name have it in common.
        """
    )


class ProgramBackendField(SpecialCasedDependencies):
    alias = "backend"
    required = True
    help = "The `pte_backend` target to lower with, one address."


class ProgramPrecisionField(StringField):
    alias = "precision"
    valid_choices = PRECISIONS
    help = "The precision to lower to; the backend's default precision if it is left out."


class ProgramOptionsField(DictStringToStringField):
    alias = "options"
    help = f"Options of the lowering for this program; they win over the backend's `{BackendOptionsField.alias}`."


class ProgramRewritesField(SpecialCasedDependencies):
    alias = "rewrites"
    help = f"Files of exact rewrites for this program, applied after the backend's `{BackendRewritesField.alias}`."


class ProgramLabelsField(OptionalSingleSourceField):
    alias = "labels"
    help = "The text file with the names of the model's classes, one a line, in the order of its output."


class MaxDelegateCallsField(IntField):
    alias = "max_delegate_calls"
    help = help_text(
        """
        Delegation floor: the build fails if the program calls its delegate more often. 1 says that the delegate takes
        the graph in one piece.
        """
    )


class MaxUndelegatedOperatorsField(IntField):
    alias = "max_undelegated_operators"
    help = help_text(
        """
        Delegation floor: the build fails if more operator calls are left to the portable kernels. The error lists them.
        """
    )


class MinDelegatedFractionField(FloatField):
    alias = "min_delegated_fraction"
    help = help_text(
        """
        Delegation floor: the least share of the graph's operators that the delegate has to take, 0.0 to 1.0.
        """
    )


class ProgramUnavailableField(StringField):
    alias = "unavailable"
    help = help_text(
        """
        Why this program cannot be had, for example "Vulkan's int8 operators lack hardswish". With a reason globs pass
        over the program and say so, an index lists it with the reason, and asking for it by its address is an error.
        Whether the rest of the declaration would build is not looked at.
        """
    )


class ProgramOutputPathField(OutputPathField):
    help = help_text(
        """
        Where the `.pte` is written below `dist/`. If undefined: the folder of the BUILD file, then
        the target's name, as in `models/yolo/yolo11n_coreml.pte`. The report lies beside it.
        """
    )

    def pte_path(self) -> str:
        return self.value or f"{self.address.spec_path}/{self.address.target_name}.pte".lstrip("/")


class ProgramImportsField(SpecialCasedDependencies):
    alias = "imports"
    help = help_text(
        """
        Python files that are imported before the builder, for what they register: operators of the model's own
        (`torch.library`) with what they decompose to, or classes that its checkpoint refers to.
        """
    )


class ProgramOutputsField(StringSequenceField):
    alias = "outputs"
    default = ()
    help = help_text(
        """
        Names of the outputs, in their order, for a model that is a file (`pte_foundry/models/own/`). If left out, keys
        of dicts and fields of dataclasses are the names. A builder in Python names them itself.
        """
    )


class ProgramAllowedClassesField(StringSequenceField):
    alias = "allowed_classes"
    default = ()
    help = help_text(
        """
        Dotted names of the classes that the checkpoint's pickle may refer to, for
        `pte_foundry/models/own/pickled_module.py`: subclasses of `torch.nn.Module`. The file may have them constructed
        with any arguments.
        """
    )


OWN_MODEL_FIELDS = (ProgramImportsField, ProgramOutputsField, ProgramAllowedClassesField)


QUANTIZED_PRECISION = "int8"


class ProgramQuantizationField(SpecialCasedDependencies):
    alias = "quantization"
    help = help_text(
        f"""
        The file of the quantization recipe, one address; for programs of the precision {QUANTIZED_PRECISION!r} and for
        no others (`src/python/pte_foundry/quantization/recipe.py` has the contract). The file and what it imports are
        inputs of this program alone.
        """
    )


class ProgramQuantizationOptionsField(DictStringToStringField):
    alias = "quantization_options"
    help = f"Options of the recipe that `{ProgramQuantizationField.alias}` names, as strings. They stand in the report."


class ProgramCalibrationField(SpecialCasedDependencies):
    alias = "calibration"
    help = help_text(
        f"""
        The `{CalibrationSet.alias}` target with the pictures that the recipe learns the ranges of activations from, one
        address. A recipe that looks at no pictures has none.
        """
    )


class MinQuantizedWeightsField(FloatField):
    alias = "min_quantized_weights"
    help = help_text(
        f"""
        Quantization floor: the least share of the weights' elements that are stored as integers, more than 0.0 up to
        1.0. Every {QUANTIZED_PRECISION} program declares it: a partly quantized one must say so.
        """
    )


class MinQuantizedComputeField(FloatField):
    alias = "min_quantized_compute"
    help = help_text(
        """
        Quantization floor: the least share of the multiply-accumulates of one forward pass whose operands are both
        integers, more than 0.0 up to 1.0. Leave it out where only weights are quantized.
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
        (`{ProgramQuantizationField.alias}`). Nothing else makes it build again, and the same inputs give the same bytes
        on any machine.

        By convention it is called `<model>[_<precision>]_<backend>`, where the precision is left out if it is the
        backend's default; its `pte_test` is called `<program>_test`. The macro `pte_model` writes both.

        `./pants package ADDRESS` writes `<name>.pte` and `<name>.json` to `dist/<folder of the BUILD file>/`.
        """
    )
