"""What a BUILD file says about a program's quantization, checked for contradictions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.target import Target
from pants.util.frozendict import FrozenDict

from pte_build.addresses import KnownTarget
from pte_build.errors import PteBuildError
from pte_build.targets.pte_program import (
    QUANTIZATION_FIELDS,
    QUANTIZED_PRECISION,
    MinQuantizedComputeField,
    MinQuantizedWeightsField,
    ProgramCalibrationField,
    ProgramQuantizationField,
    ProgramQuantizationOptionsField,
)
from pte_foundry.records.quantization import QuantizationFloor

QUANTIZATION_ADDRESSES = (ProgramQuantizationField, ProgramCalibrationField)


@dataclass(frozen=True)
class QuantizationDeclaration:
    """How a program is quantized. `calibration` is the address of a `calibration_set`, if it has one."""

    recipe: Address
    options: FrozenDict[str, str]
    calibration: Address | None
    floor: QuantizationFloor


def is_quantized(program: Target, precision: str) -> bool:
    """Whether a program of this precision is quantized. Raises PteBuildError if its fields contradict that."""
    # An empty list or table says nothing; a floor of 0.0 does.
    empty: tuple[object, ...] = (None, (), FrozenDict())
    declared = (kind.alias for kind in QUANTIZATION_FIELDS if program[kind].value not in empty)
    check_precision(program.address, precision, declared)
    return precision == QUANTIZED_PRECISION


def check_precision(program: Address, precision: str, declared: Iterable[str]) -> None:
    """Raises PteBuildError if a precision and the fields that a program declares contradict each other."""
    fields = tuple(declared)
    recipe = ProgramQuantizationField.alias
    if precision == QUANTIZED_PRECISION and recipe not in fields:
        raise PteBuildError(
            f"{program}: its precision is {QUANTIZED_PRECISION!r}, but it has no `{recipe}`. Name a recipe, such as "
            "`src/python/pte_foundry/quantization/recipes/xnnpack_static.py`."
        )
    if precision != QUANTIZED_PRECISION and fields:
        raise PteBuildError(
            f"{program}: its precision is {precision!r}, so {', '.join(f'`{name}`' for name in fields)} would be "
            f"ignored. Remove them, or declare `precision={QUANTIZED_PRECISION!r}`."
        )


def quantization_floor(
    program: Address, weights: float | None, compute: float | None
) -> QuantizationFloor:
    """The floor of a quantized program. Raises PteBuildError if it is missing or out of range."""
    if weights is None:
        raise PteBuildError(
            f"{program}: it declares no `{MinQuantizedWeightsField.alias}`. State the minimum share of its weights "
            "stored as integers: otherwise a partly quantized program would silently count as int8."
        )
    for alias, value in (
        (MinQuantizedWeightsField.alias, weights),
        (MinQuantizedComputeField.alias, compute),
    ):
        if value is not None and not 0.0 < value <= 1.0:
            raise PteBuildError(
                f"{program}: `{alias}` is {value}, but a share must be above 0.0 and at most 1.0."
            )
    return QuantizationFloor(weights, compute)


def read_quantization(program: KnownTarget) -> QuantizationDeclaration:
    """What a quantized program declares. `program` has the addresses of QUANTIZATION_ADDRESSES."""
    return QuantizationDeclaration(
        recipe=program.one(ProgramQuantizationField),
        options=program[ProgramQuantizationOptionsField].value or FrozenDict(),
        calibration=program.optional(ProgramCalibrationField),
        floor=quantization_floor(
            program.address,
            program[MinQuantizedWeightsField].value,
            program[MinQuantizedComputeField].value,
        ),
    )
