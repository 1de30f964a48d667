"""Four programs of the catalogue, exported stock and with speed-ups: each backend that has some, and a quantization."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pte_foundry.exporting.export import export
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields

_IMAGE = {"mobilenet_v3_small": "float32[1,3,224,224]", "pe_core_t16_384": "float32[1,3,384,384]"}
_TOWER = ("rope_attention", "constant_class_token", "pooled_query")


def _request(
    model: str, backend: str, precision: str, rewrites: tuple[str, ...], **fields: Any
) -> dict[str, Any]:
    builder = "mobilenet" if model.startswith("mobilenet") else "pe"
    return {
        "model": {
            "name": model,
            "builder": f"pte_foundry.models.{builder}",
            "inputs": {"image": _IMAGE[model]},
            "weights": {"source": "seeded"},
        },
        "backend": backend,
        "lowering": f"pte_foundry.backends.{backend}.lowering",
        "precision": precision,
        "options": {},
        "rewrites": [f"pte_foundry.rewrites.{name}" for name in rewrites],
        **fields,
    }


_DYNAMIC = {
    "recipe": "pte_foundry.quantization.recipes.xnnpack_dynamic",
    "options": {"float_modules": "norm_pre,norm,blocks.*.norm1,blocks.*.norm2,pool.norm"},
    "calibration": [],
}

_PROGRAMS = {
    "mobilenet_v3_small_coreml": _request("mobilenet_v3_small", "coreml", "fp16", ()),
    "mobilenet_v3_small_xnnpack": _request(
        "mobilenet_v3_small", "xnnpack", "fp32", ("float_hardsigmoid",)
    ),
    "pe_core_t16_384_vulkan": _request("pe_core_t16_384", "vulkan", "fp16", _TOWER),
    "pe_core_t16_384_int8_xnnpack": _request(
        "pe_core_t16_384", "xnnpack", "int8", (*_TOWER, "matmul_layer_norm"), quantization=_DYNAMIC
    ),
}


@pytest.mark.parametrize("program", _PROGRAMS)
def test_bytes_and_facts_are_those_of_a_stock_export(program: str, tmp_path: Path) -> None:
    request = _PROGRAMS[program]
    ours, stock = (
        export(ExportRequest.read(Fields.of(one, "a request")), tmp_path)
        for one in (request, {**request, "stock": True})
    )
    assert ours.pte == stock.pte
    assert ours.facts == stock.facts
