"""The part of an export's request that says how to quantize, and the files that go with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pants.engine.addresses import Address
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.util.frozendict import FrozenDict

from pte_build.library.sources import Module, ModuleRequest
from pte_build.pictures.calibration import NO_PICTURES, Calibration, CalibrationRequest
from pte_build.quantization.declared import QuantizationDeclaration
from pte_build.targets.program_quantization import ProgramQuantizationField


@dataclass(frozen=True)
class RequestedQuantizationRequest:
    """`quantization` is None for a program in a float precision."""

    quantization: QuantizationDeclaration | None
    program: Address


@dataclass(frozen=True)
class ProgramQuantization:
    """What an export needs to quantize; nothing for a program in a float precision.

    recipe: dotted name of the module.
    plugins: its file, whose imports belong to the export's sources.
    """

    recipe: str | None = None
    plugins: tuple[Address, ...] = ()
    options: FrozenDict[str, str] = FrozenDict()
    calibration: Calibration = NO_PICTURES

    def request_entry(self) -> dict[str, Any]:
        """What the request says. A float program has no such key: int8 programs must not change what it asks for."""
        if self.recipe is None:
            return {}
        return {
            "quantization": {
                "recipe": self.recipe,
                "options": dict(self.options),
                "calibration": list(self.calibration.paths),
            }
        }


@rule
async def request_quantization(request: RequestedQuantizationRequest) -> ProgramQuantization:
    quantization, program = request.quantization, request.program
    if quantization is None:
        return ProgramQuantization()
    calibration = NO_PICTURES
    if quantization.calibration is not None:
        calibration = await Get(Calibration, CalibrationRequest(quantization.calibration, program))
    recipe = await Get(
        Module, ModuleRequest(quantization.recipe, program, ProgramQuantizationField.alias)
    )
    return ProgramQuantization(
        recipe.name, (quantization.recipe,), quantization.options, calibration
    )


def rules() -> Iterable[Rule]:
    return collect_rules()
