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
        The `{CalibrationSet.alias}` target with the pictures from which the recipe learns activation ranges, one
        address. Omit it for a recipe that needs no pictures.
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
