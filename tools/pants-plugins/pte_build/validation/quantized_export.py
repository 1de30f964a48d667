"""What a validation needs to quantize a model again, as its export did.

Where the machine cannot execute a program's delegate, the quantized graph runs in torch instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pants.engine.addresses import Address
from pants.engine.fs import Digest
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule

from pte_build.library.sources import Module, ModuleRequest
from pte_build.program.declaration import ProgramDeclaration
from pte_build.quantization.requested import ProgramQuantization, RequestedQuantizationRequest


@dataclass(frozen=True)
class QuantizedExportRequest:
    declaration: ProgramDeclaration


@dataclass(frozen=True)
class QuantizedExport:
    """Nothing for a program in a float precision.

    rewrites: dotted names of the modules. plugins: their files, and the recipe's.
    """

    quantization: ProgramQuantization = ProgramQuantization()
    rewrites: tuple[str, ...] = ()
    plugins: tuple[Address, ...] = ()

    @property
    def calibration_digest(self) -> Digest:
        """The pictures at the paths that the request names; the export had the same."""
        return self.quantization.calibration.digest

    def request_entry(self) -> dict[str, Any] | None:
        if not self.plugins:
            return None
        return {"rewrites": list(self.rewrites), **self.quantization.request_entry()}


@rule
async def describe_quantized_export(request: QuantizedExportRequest) -> QuantizedExport:
    declaration = request.declaration
    if declaration.quantization is None:
        return QuantizedExport()
    address = declaration.address
    quantization, *rewrites = await MultiGet(
        Get(ProgramQuantization, RequestedQuantizationRequest(declaration.quantization, address)),
        *(Get(Module, ModuleRequest(file, address, "rewrites")) for file in declaration.rewrites),
    )
    return QuantizedExport(
        quantization,
        tuple(rewrite.name for rewrite in rewrites),
        (*declaration.rewrites, *quantization.plugins),
    )


def rules() -> Iterable[Rule]:
    return collect_rules()
