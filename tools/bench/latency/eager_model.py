"""The eager model that an export's request names."""

from __future__ import annotations

from pathlib import Path

from bench.latency.files import REQUEST
from pte_foundry.models.eager import EagerModel, build_eager
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json


def load_eager(folder: Path) -> EagerModel:
    """folder: the sandbox of the export, with its request and its checkpoint. Raises PteError as `build_eager` does."""
    request = ExportRequest.read(Fields(read_json(folder / REQUEST), REQUEST))
    return build_eager(request.model, folder)
