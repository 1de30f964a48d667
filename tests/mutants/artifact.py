"""A packaged program with everything that its validation needs, in one folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import skimage

from pte_foundry.testing.workspace import Workspace

BUILDER = "pte_foundry.models.mobilenet"
_FAMILY = Path("models/mobilenet")
_INTERPRETERS = {
    "coreml": "pte_foundry.backends.coreml.program",
    "mps": "pte_foundry.backends.mps.program",
    "xnnpack": "pte_foundry.backends.xnnpack.program",
    "vulkan": "pte_foundry.backends.vulkan.program",
}


@dataclass(frozen=True)
class PackagedArtifact:
    """What `./pants package` wrote: the bytes and the report."""

    stem: str
    pte: bytes
    report: dict[str, Any]

    @property
    def backend(self) -> str:
        return self.stem.rpartition("_")[2]


def read_artifact(stem: str) -> PackagedArtifact:
    """Read a program that Pants has put beside the test."""
    report = json.loads((_FAMILY / f"{stem}.json").read_text("utf-8"))
    return PackagedArtifact(stem, (_FAMILY / f"{stem}.pte").read_bytes(), report)


def make_workspace(folder: Path, artifact: PackagedArtifact) -> Workspace:
    """The working directory of its validation, in which every check passes.

    Without labels: only seeded weights are used here, and they recognise nothing.
    """
    report = json.loads(json.dumps(artifact.report))
    # An MPS program is for an older ExecuTorch than that of this environment, which reads it all the same.
    report["versions"]["executorch"] = metadata.version("executorch")
    photographs = {}
    (folder / "photographs").mkdir()
    for name, label in report["checks"]["photographs"].items():
        shutil.copy(Path(skimage.__file__).parent / "data" / name, folder / "photographs" / name)
        photographs[f"photographs/{name}"] = label
    quantization = report["quantization"]
    request = {
        "address": f"models/mobilenet:{artifact.stem}_test",
        "model": {
            "name": report["model"],
            "builder": BUILDER,
            "inputs": {
                one["name"]: f"{one['dtype']}{one['shape']}".replace(" ", "")
                for one in report["inputs"]
            },
            "weights": {"source": report["weights"]["source"]},
        },
        "pte": "program.pte",
        "report": "report.json",
        "labels": None,
        "photographs": photographs,
        "quantized_export": quantization
        and {
            "rewrites": report["rewrites"],
            "quantization": {
                "recipe": quantization["recipe"],
                "options": quantization["options"],
                "calibration": [],
            },
        },
        "interpreter": _INTERPRETERS.get(artifact.backend),
        "limits": {"seconds": 300, "memory_mb": 4096},
    }
    return Workspace(folder, artifact.pte, request, report)


def replace_program(workspace: Workspace, pte: bytes) -> None:
    """Replace the bytes, and the digest in the report, as an export of these bytes would."""
    assert pte != workspace.pte, "the mutation changed nothing"
    workspace.replace_program(pte)
