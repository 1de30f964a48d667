"""The fields of a `pte_program` that say how it is quantized."""

from __future__ import annotations

from pants.engine.target import (
    DictStringToStringField,
    FloatField,
    SpecialCasedDependencies,
)
from pants.util.strutil import help_text

from pte_build.targets.calibration_set import CalibrationSet

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
