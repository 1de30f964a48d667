"""The eager model that an export's request names."""

from __future__ import annotations

import json
from pathlib import Path

from bench.latency.files import REQUEST
from pte_foundry.models.eager import EagerModel, build_eager
from pte_foundry.records.export_request import ExportRequest


def load_eager(folder: Path) -> EagerModel:
    """folder: the sandbox of the export, with its request and its checkpoint. Raises PteError as `build_eager` does."""
    request = ExportRequest.from_json(json.loads((folder / REQUEST).read_text("utf-8")))
    return build_eager(request.model, folder)
