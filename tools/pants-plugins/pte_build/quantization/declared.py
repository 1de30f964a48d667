"""What a BUILD file says about a program's quantization, checked for contradictions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address, Addresses, UnparsedAddressInputs
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.target import WrappedTarget, WrappedTargetRequest
from pants.util.frozendict import FrozenDict

from pte_build.addresses import at_most_one, exactly_one
from pte_build.errors import PteBuildError
from pte_build.targets.program_quantization import (
    QUANTIZATION_FIELDS,
    QUANTIZED_PRECISION,
    MinQuantizedComputeField,
    MinQuantizedWeightsField,
    ProgramCalibrationField,
    ProgramQuantizationField,
    ProgramQuantizationOptionsField,
)


@dataclass(frozen=True)
class DeclaredQuantizationFloor:
    """How much of the program has to be quantized, each more than 0 up to 1; None leaves the bound out."""

    min_quantized_weights: float
    min_quantized_compute: float | None


@dataclass(frozen=True)
class QuantizationDeclaration:
    """How a program is quantized. `calibration` is the address of a `calibration_set`, if it has one."""

    recipe: Address
    options: FrozenDict[str, str]
    calibration: Address | None
    floor: DeclaredQuantizationFloor


@dataclass(frozen=True)
class DeclaredQuantizationRequest(EngineAwareParameter):
    """`precision` is the program's, whether it is declared or its backend's default."""

    program: Address
    precision: str

    def debug_hint(self) -> str:
        return self.program.spec


@dataclass(frozen=True)
class DeclaredQuantization:
    """`quantization` is None for a program in a float precision."""

    quantization: QuantizationDeclaration | None


def check_precision(program: Address, precision: str, declared: Iterable[str]) -> None:
    """Raises PteBuildError if a precision and the fields that a program declares contradict each other."""
    fields = tuple(declared)
    recipe = ProgramQuantizationField.alias
    if precision == QUANTIZED_PRECISION and recipe not in fields:
        raise PteBuildError(
            f"{program}: its precision is {QUANTIZED_PRECISION!r} and it has no `{recipe}`. Name a recipe, such as "
            "`src/python/pte_foundry/quantization/recipes/xnnpack_static.py`."
        )
    if precision != QUANTIZED_PRECISION and fields:
        raise PteBuildError(
            f"{program}: its precision is {precision!r}, and {', '.join(f'`{name}`' for name in fields)} would be "
            f"ignored. Remove what is not meant, or declare `precision={QUANTIZED_PRECISION!r}`."
        )


def quantization_floor(
    program: Address, weights: float | None, compute: float | None
) -> DeclaredQuantizationFloor:
    """The floor of a quantized program. Raises PteBuildError for none and for one that no program could mean."""
    if weights is None:
        raise PteBuildError(
            f"{program}: it declares no `{MinQuantizedWeightsField.alias}`. Say which share of its weights has to be "
            "stored as integers: a program that is quantized in part would be called int8 without a word."
        )
    for alias, value in (
        (MinQuantizedWeightsField.alias, weights),
        (MinQuantizedComputeField.alias, compute),
    ):
        if value is not None and not 0.0 < value <= 1.0:
            raise PteBuildError(
                f"{program}: `{alias}` is {value}, and a share that means something is more than 0.0 and at most 1.0."
            )
    return DeclaredQuantizationFloor(weights, compute)


@rule
async def read_quantization(request: DeclaredQuantizationRequest) -> DeclaredQuantization:
    wrapped = await Get(
        WrappedTarget,
        WrappedTargetRequest(request.program, description_of_origin="its quantization"),
    )
    target, address = wrapped.target, wrapped.target.address
    # An empty list or table says nothing; a floor of 0.0 does.
    empty: tuple[object, ...] = (None, (), FrozenDict())
    declared = (kind.alias for kind in QUANTIZATION_FIELDS if target[kind].value not in empty)
    check_precision(address, request.precision, declared)
    if request.precision != QUANTIZED_PRECISION:
        return DeclaredQuantization(None)
    recipes, calibrations = await MultiGet(
        Get(
            Addresses,
            UnparsedAddressInputs,
            target[ProgramQuantizationField].to_unparsed_address_inputs(),
        ),
        Get(
            Addresses,
            UnparsedAddressInputs,
            target[ProgramCalibrationField].to_unparsed_address_inputs(),
        ),
    )
    return DeclaredQuantization(
        QuantizationDeclaration(
            recipe=exactly_one(recipes, ProgramQuantizationField.alias, address),
            options=target[ProgramQuantizationOptionsField].value or FrozenDict(),
            calibration=at_most_one(calibrations, ProgramCalibrationField.alias, address),
            floor=quantization_floor(
                address,
                target[MinQuantizedWeightsField].value,
                target[MinQuantizedComputeField].value,
            ),
        )
    )


def rules() -> Iterable[Rule]:
    return collect_rules()
