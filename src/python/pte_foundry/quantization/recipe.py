"""The contract between a quantization recipe and an export.

A recipe module has

- `OPTIONS` (name -> help);
- `NEEDS_CALIBRATION`: whether it has to see inputs, to learn the ranges of activations;
- `check_options(options)`, which raises PteError `bad-option` for a value that `quantize` would
  refuse. It needs no model and takes no time, so an export calls it before any work. Unknown
  names are left to `check_recipe`;
- `quantize(request) -> Quantized`.

Only recipes import what only int8 programs need, so a change there leaves the float programs
alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from torch import Tensor, nn
from torch.export import ExportedProgram

from pte_foundry.errors import PteError
from pte_foundry.models.definition import Preprocess
from pte_foundry.records.quantization import RANDOM_INPUTS
from pte_foundry.records.tensor_spec import TensorSpec
from pte_foundry.stages import Begin

REQUIRED = ("OPTIONS", "NEEDS_CALIBRATION", "check_options", "quantize")
"""What a recipe module defines."""


@dataclass(frozen=True)
class QuantizationRequest:
    """What a recipe is asked for.

    Attributes:
        model: its name, for messages.
        module: rewritten, eval mode, float32; the recipe may change it.
        inputs: as declared, in the model's order.
        example_inputs: contiguous, of the declared shapes and element types.
        preprocess: the family's, see `ModelDefinition`.
        calibration: file name -> path of each calibration picture or sample, sorted by name; empty for a
            recipe that needs none, and with the option `RANDOM_INPUTS`.
        options: names from the recipe's `OPTIONS`, values as text.
        begin: called with the name of each stage.
    """

    model: str
    module: nn.Module
    inputs: tuple[TensorSpec, ...]
    example_inputs: tuple[Tensor, ...]
    preprocess: Preprocess
    calibration: Mapping[str, Path]
    options: Mapping[str, str]
    begin: Begin


@dataclass(frozen=True)
class Census:
    """How much of a model is quantized, counted in the exported program.

    Attributes:
        weights_fraction: share of the elements of all weights of convolutions, linears and other
            matrix products that are stored as integers, in [0, 1].
        compute_fraction: share of the multiply-accumulates of one forward pass whose operands
            are both integers, in [0, 1]; 0 where only weights are quantized.
        quantized: ATen operator -> calls whose inputs and outputs are quantized.
        in_float: ATen operator -> calls that compute in float.
    """

    weights_fraction: float
    compute_fraction: float
    quantized: Mapping[str, int]
    in_float: Mapping[str, int]


@dataclass(frozen=True)
class Quantized:
    """What a recipe returns.

    Attributes:
        exported_program: in ATen dialect, with `quantized_decomposed` quantize and dequantize
            operators around what uses integers.
    """

    exported_program: ExportedProgram
    census: Census


def check_recipe(
    name: str, recipe: ModuleType, options: Mapping[str, str], has_calibration: bool
) -> None:
    """Refuse, before any work, what the recipe would refuse after minutes.

    Raises:
        PteError: `bad-option` for an option or a value that the recipe does not have,
            `bad-calibration` for inputs that are missing or would be ignored.
    """
    unknown = sorted(options.keys() - recipe.OPTIONS.keys())
    if unknown:
        known = "; ".join(f"{key}: {text}" for key, text in sorted(recipe.OPTIONS.items()))
        raise PteError(
            "bad-option",
            f"{name} has no option {', '.join(map(repr, unknown))}; it has "
            f"{known or 'no options at all'}. Correct `quantization_options`",
        )
    recipe.check_options(options)
    random = RANDOM_INPUTS in options
    if recipe.NEEDS_CALIBRATION and not has_calibration and not random:
        raise PteError(
            "bad-calibration",
            f"{name} learns the ranges of activations from inputs, and there are none. Name a `calibration_set` of "
            f"pictures or samples in `calibration`, or set the option `{RANDOM_INPUTS}`",
        )
    if random and has_calibration:
        raise PteError(
            "bad-calibration",
            f"{name} is to learn from a calibration set and from random values (`{RANDOM_INPUTS}`). Remove one of them",
        )
    if has_calibration and not recipe.NEEDS_CALIBRATION:
        raise PteError(
            "bad-calibration",
            f"{name} learns from no inputs: a calibration set would only cause needless rebuilds of the "
            "program. Remove `calibration`",
        )
