"""From a model's file to a workspace in which its program is validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pte_foundry.exporting.export import export
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.reports import NO_FLOOR, SHA, sample_declared
from pte_foundry.testing.workspace import CHECKS, Workspace, report_of

_BUILDERS = {".pt": "torchscript", ".pt2": "exported_program"}
_DELEGATES = {
    "coreml": "CoreMLBackend",
    "portable": None,
    "vulkan": "VulkanBackend",
    "xnnpack": "XnnpackBackend",
}


def own_workspace(
    folder: Path,
    file: str,
    inputs: Mapping[str, str],
    backend: str = "xnnpack",
    outputs: Sequence[str] = (),
    imports: Sequence[str] = (),
) -> Workspace:
    """Export the model in `folder / file`, TorchScript (`.pt`) or `.pt2`, without any budget on its size.

    Raises:
        PteError: what the export raises.
    """
    half = backend in ("coreml", "vulkan")
    model: dict[str, Any] = {
        "name": "own",
        "builder": f"pte_foundry.models.own.{_BUILDERS[Path(file).suffix]}",
        "inputs": dict(inputs),
        "weights": {"source": "official", "file": file},
        **({"outputs": list(outputs)} if outputs else {}),
        **({"imports": list(imports)} if imports else {}),
    }
    request = {
        "model": model,
        "backend": backend,
        "lowering": f"pte_foundry.backends.{backend}.lowering",
        "precision": "fp16" if half else "fp32",
        "options": {},
        "rewrites": [],
        "labels_sha256": SHA,
    }
    exported = export(ExportRequest.read(Fields(request, "a request")), folder)
    sample: Any = sample_declared()
    declared = sample_declared(
        model="own",
        backend=backend,
        weights={**sample["weights"], "source": "official", "sha256": SHA},
        floor=NO_FLOOR,
        delegate=_DELEGATES[backend],
        precision=request["precision"],
        checks={
            **CHECKS,
            "photographs": {},
            "max_size_ratio": None,
            "max_planned_memory_ratio": None,
            **({"min_cosine": 0.999, "max_abs_difference": 0.1} if half else {}),
        },
    )
    report = report_of(declared, exported)
    validation: dict[str, Any] = {
        "address": f"models/own:own_{backend}_test",
        "model": model,
        "pte": "program.pte",
        "report": "report.json",
        "labels": None,
        "photographs": {},
        "quantized_export": None,
        "interpreter": None if backend == "portable" else f"pte_foundry.backends.{backend}.program",
        "limits": {"seconds": 60, "memory_mb": 1024},
    }
    return Workspace(folder, exported.pte, validation, report)


def save_script(folder: Path, model: nn.Module, traced_with: tuple[Tensor, ...] = ()) -> str:
    """Name of the TorchScript file: traced if there are inputs to trace with, or else scripted."""
    jit: Any = torch.jit
    script = jit.trace(model.eval(), traced_with) if traced_with else jit.script(model.eval())
    script.save(str(folder / "model.pt"))
    return "model.pt"


def save_exported(
    folder: Path,
    model: nn.Module,
    inputs: tuple[Any, ...],
    keywords: Mapping[str, Any] | None = None,
) -> str:
    """Name of the `.pt2` file."""
    program = torch.export.export(model.eval(), inputs, dict(keywords or {}))
    torch.export.save(program, folder / "model.pt2")
    return "model.pt2"
