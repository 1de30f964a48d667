"""How `new` quantizes: the recipe of each int8 program, what it is calibrated and judged on, and how that is told.

Nothing of the model is run here, so what is chosen follows from the inputs alone: their types and declared ranges, and
the samples that there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from new_model.command.programs import Program
from new_model.command.samples import SampleFiles
from pte_foundry.records.quantization import RANDOM_INPUTS
from pte_foundry.records.tensor_spec import TensorSpec
from workspace.errors import ToolError

CALIBRATION = "calibration"
JUDGED = "judged_samples"
"""Names of targets in the model's BUILD file."""

FIRST_SHARE = 0.5
"""The floor of quantized weights until one is measured: at least half."""

_RECIPES = "src/python/pte_foundry/quantization/recipes"
_RANDOM_INPUTS = 32
# Products of two activations, which XNNPACK has in float only.
_FLOAT_OPERATORS = "aten.bmm,aten.matmul,aten.scaled_dot_product_attention"
_PICTURES = "//toolchains:judged_photographs"


@dataclass(frozen=True)
class Plan:
    """How one program is quantized.

    Attributes:
        fields: of the program, as in its BUILD file.
        says: recipe, calibration and judges, for the command's result.
    """

    fields: Mapping[str, object]
    says: str


@dataclass(frozen=True)
class Material:
    """What there is to calibrate and judge on.

    Attributes:
        inputs: as declared.
        samples: None if the user gave none.
        takes_pictures: whether the model's builder prepares pictures.
    """

    inputs: Sequence[TensorSpec]
    samples: SampleFiles | None = None
    takes_pictures: bool = False

    @property
    def has_floats(self) -> bool:
        return any(spec.dtype.startswith("float") for spec in self.inputs)

    @property
    def has_ranges(self) -> bool:
        return all(spec.values is not None or spec.dtype == "bool" for spec in self.inputs)


@dataclass(frozen=True)
class _Recipe:
    name: str
    what: str
    options: Mapping[str, str] = field(default_factory=dict)
    calibration: bool = False


_DYNAMIC = _Recipe(
    "xnnpack_dynamic",
    "linear layers in int8, their activations quantized at run time; all else in float32",
)
_DYNAMIC_CONVOLUTIONS = _Recipe(
    "xnnpack_dynamic_convolutions",
    "dense convolutions and linear layers in int8, their activations quantized at run time; all else in float32",
)
_WEIGHTS = _Recipe("weights_only", "weights in int8, computations in float16")
_LINEAR_WEIGHTS = _Recipe(
    "weights_only",
    "weights of linear layers in int8, computations in float16",
    {"operators": "linear"},
)


def plan(program: Program, material: Material) -> Plan:
    """
    Raises:
        ToolError: for a backend whose int8 programs `new` has no recipe for.
    """
    recipe = _recipe(program, material)
    fields: dict[str, object] = {"quantization": [f"{_RECIPES}/{recipe.name}.py"]}
    if recipe.options:
        fields["quantization_options"] = dict(recipe.options)
    if recipe.calibration:
        fields["calibration"] = [f":{CALIBRATION}"]
    fields["min_quantized_weights"] = FIRST_SHARE
    test = _test(material)
    if test:
        fields["test"] = test
    says = f"{recipe.name}: {recipe.what}; {_calibrated(recipe, material)}{_judged(material)}"
    return Plan(fields, says)


def calibrates(program: Program, material: Material) -> bool:
    """Whether it learns from samples. Raises as `plan` does."""
    return _recipe(program, material).calibration


def _recipe(program: Program, material: Material) -> _Recipe:
    name = program.backend.name
    if name == "coreml":
        return _WEIGHTS
    if name == "vulkan":
        return _LINEAR_WEIGHTS
    if name != "xnnpack":
        raise ToolError(
            f"--backends: {program.key}: `new` has no recipe of quantization for {name}. Leave it out, and declare it "
            "by hand: docs/quantization.md"
        )
    options = {"float_operators": _FLOAT_OPERATORS}
    static = "weights and activations in int8"
    if material.samples is not None:
        return _Recipe("xnnpack_static", static, options, calibration=True)
    if material.has_floats and material.has_ranges:
        options[RANDOM_INPUTS] = str(_RANDOM_INPUTS)
        return _Recipe("xnnpack_static", static, options)
    return _DYNAMIC_CONVOLUTIONS if material.has_floats else _DYNAMIC


def _test(material: Material) -> dict[str, object]:
    if material.samples is not None:
        return {"samples": [f":{JUDGED}"]}
    return {"photographs": [_PICTURES]} if material.takes_pictures else {}


def _calibrated(recipe: _Recipe, material: Material) -> str:
    if recipe.calibration and material.samples is not None:
        return f"calibrated on {len(material.samples.calibration)} samples, "
    if RANDOM_INPUTS in recipe.options:
        return (
            "CALIBRATED ON RANDOM VALUES within the declared ranges, which real inputs may not be like: better give "
            "--calibration FOLDER; "
        )
    return "not calibrated, "


def _judged(material: Material) -> str:
    if material.samples is not None:
        if material.samples.shared:
            return "judged on the same"
        what = "others" if material.samples.calibration else "samples"
        return f"judged on {len(material.samples.judged)} {what}"
    if material.takes_pictures:
        return f"judged on {_PICTURES}"
    return "judged on random values" + (
        " within the declared ranges" if material.has_ranges else " from -2 to 2, or 0 to 127"
    )
