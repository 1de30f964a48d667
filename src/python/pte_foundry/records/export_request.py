"""The whole request of one export, as the Pants plugin writes it (standard library only)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from pte_foundry.records.model_request import ModelRequest
from pte_foundry.records.request_fields import (
    bad_request,
    json_object,
    text,
    text_list,
    text_map,
)

_QUANTIZATION = "quantization"
_STOCK = "stock"
# Absent where they say nothing, so that an export has the cache key that it had before there were such fields.
_OPTIONAL_KEYS = frozenset({_QUANTIZATION, _STOCK})
_KEYS = frozenset({"model", "lowering", "precision", "options", "rewrites"}) | _OPTIONAL_KEYS
_QUANTIZATION_KEYS = frozenset({"recipe", "options", "calibration"})


@dataclass(frozen=True)
class RequestedQuantization:
    """How to quantize.

    Attributes:
        recipe: dotted name of the recipe module (see `pte_foundry.quantization.recipe`).
        options: the recipe's options, values as text.
        calibration: paths of pictures relative to the working directory; no two file names are
            equal.
    """

    recipe: str
    options: Mapping[str, str]
    calibration: tuple[str, ...]

    @staticmethod
    def from_json(data: object) -> RequestedQuantization:
        """Raises PteError `bad-request` for missing, unknown or wrongly typed fields."""
        fields = json_object(data, _QUANTIZATION, _QUANTIZATION_KEYS)
        calibration = text_list(fields["calibration"], f"{_QUANTIZATION}.calibration")
        names = [PurePosixPath(path).name for path in calibration]
        if len(set(names)) != len(names):
            raise bad_request(f"{_QUANTIZATION}.calibration", "two pictures have one file name")
        return RequestedQuantization(
            text(fields["recipe"], f"{_QUANTIZATION}.recipe"),
            text_map(fields["options"], f"{_QUANTIZATION}.options"),
            calibration,
        )


@dataclass(frozen=True)
class ExportRequest:
    """What to export and how.

    Attributes:
        model: the model, its declared inputs and its weights.
        lowering: dotted name of the backend module (see `pte_foundry.backends.lowering`).
        precision: one that the backend module has, e.g. `fp32`.
        options: the backend's options, values as text.
        rewrites: dotted names of rewrite modules, in the order in which they are applied.
        quantization: how to quantize; None for a float precision.
        stock: whether torch and ExecuTorch run as they are, without `pte_foundry.speedups`; the bytes are the same.
    """

    model: ModelRequest
    lowering: str
    precision: str
    options: Mapping[str, str]
    rewrites: tuple[str, ...]
    quantization: RequestedQuantization | None = None
    stock: bool = False

    @staticmethod
    def from_json(data: object) -> ExportRequest:
        """Read `export_request.json`'s content.

        Raises:
            PteError: `bad-request` for missing, unknown or wrongly typed fields,
                `bad-input-shape` for an input that does not follow the grammar.
        """
        fields = json_object(data, "the request", _KEYS, optional=_OPTIONAL_KEYS)
        quantization, stock = fields.get(_QUANTIZATION), fields.get(_STOCK, False)
        if not isinstance(stock, bool):
            raise bad_request(_STOCK, f"expected true or false, found {stock!r}")
        return ExportRequest(
            model=ModelRequest.from_json(fields["model"]),
            lowering=text(fields["lowering"], "lowering"),
            precision=text(fields["precision"], "precision"),
            options=text_map(fields["options"], "options"),
            rewrites=text_list(fields["rewrites"], "rewrites"),
            quantization=(
                None if quantization is None else RequestedQuantization.from_json(quantization)
            ),
            stock=stock,
        )
