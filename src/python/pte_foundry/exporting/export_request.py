"""The whole request of one export, as the Pants plugin writes it (standard library only)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pte_foundry.exporting.model_request import ModelRequest
from pte_foundry.exporting.request_fields import json_object, text, text_list, text_map

_KEYS = frozenset({"model", "lowering", "precision", "options", "rewrites"})


@dataclass(frozen=True)
class ExportRequest:
    """What to export and how.

    Attributes:
        model: the model, its declared inputs and its weights.
        lowering: dotted name of the backend module (see `pte_foundry.backends.lowering`).
        precision: one that the backend module has, e.g. `fp32`.
        options: the backend's options, values as text.
        rewrites: dotted names of rewrite modules, in the order in which they are applied.
    """

    model: ModelRequest
    lowering: str
    precision: str
    options: Mapping[str, str]
    rewrites: tuple[str, ...]

    @staticmethod
    def from_json(data: object) -> ExportRequest:
        """Read `export_request.json`'s content.

        Raises:
            PteError: `bad-request` for missing, unknown or wrongly typed fields,
                `bad-input-shape` for an input that does not follow the grammar.
        """
        fields = json_object(data, "the request", _KEYS)
        return ExportRequest(
            model=ModelRequest.from_json(fields["model"]),
            lowering=text(fields["lowering"], "lowering"),
            precision=text(fields["precision"], "precision"),
            options=text_map(fields["options"], "options"),
            rewrites=text_list(fields["rewrites"], "rewrites"),
        )
