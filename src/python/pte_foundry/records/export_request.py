"""The whole request of one export, as the Pants plugin writes it (standard library only)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from pte_foundry.records.json_fields import Fields
from pte_foundry.records.model_request import ModelRequest

_LABELS = "labels_sha256"
_QUANTIZATION = "quantization"
_STOCK = "stock"


@dataclass(frozen=True)
class RequestedQuantization:
    """How to quantize.

    Attributes:
        recipe: dotted name of the recipe module (see `pte_foundry.quantization.recipe`).
        options: the recipe's options, values as text.
        calibration: paths of pictures relative to the working directory; no two have the same file
            name.
    """

    recipe: str
    options: Mapping[str, str]
    calibration: tuple[str, ...]

    @staticmethod
    def read(fields: Fields) -> RequestedQuantization:
        """Raises PteError `bad-request` for missing, unknown or wrongly typed fields."""
        fields.only("recipe", "options", "calibration")
        calibration = fields.texts("calibration")
        names = {PurePosixPath(path).name for path in calibration}
        if len(names) != len(calibration):
            raise fields.error("calibration", "has two pictures with the same file name")
        return RequestedQuantization(fields.text("recipe"), fields.text_map("options"), calibration)

    def to_json(self) -> dict[str, object]:
        return {
            "recipe": self.recipe,
            "options": dict(self.options),
            "calibration": list(self.calibration),
        }


@dataclass(frozen=True)
class ExportRequest:
    """What to export and how.

    Attributes:
        model: the model, its declared inputs and its weights.
        backend: short name of the backend, which the program states, e.g. `xnnpack`.
        lowering: dotted name of the backend module (see `pte_foundry.backends.lowering`).
        precision: one that the backend module has, e.g. `fp32`.
        options: the backend's options, values as text.
        rewrites: dotted names of rewrite modules, in the order in which they are applied.
        quantization: how to quantize; None for a float precision.
        labels_sha256: of the file of class names, which the program states; None for a model without one.
        stock: whether torch and ExecuTorch run as they are, without `pte_foundry.speedups`; the bytes are the same.
    """

    model: ModelRequest
    backend: str
    lowering: str
    precision: str
    options: Mapping[str, str]
    rewrites: tuple[str, ...]
    quantization: RequestedQuantization | None = None
    labels_sha256: str | None = None
    stock: bool = False

    @staticmethod
    def read(fields: Fields) -> ExportRequest:
        """Read `export_request.json`'s content.

        Raises:
            PteError: `bad-request` for missing, unknown or wrongly typed fields,
                `bad-input-shape` for an input that does not follow the grammar.
        """
        needed = ("model", "backend", "lowering", "precision", "options", "rewrites")
        fields.only(*needed, _QUANTIZATION, _LABELS, _STOCK)
        return ExportRequest(
            model=ModelRequest.read(fields.nested("model")),
            backend=fields.text("backend"),
            lowering=fields.text("lowering"),
            precision=fields.text("precision"),
            options=fields.text_map("options"),
            rewrites=fields.texts("rewrites"),
            quantization=(
                RequestedQuantization.read(fields.nested(_QUANTIZATION))
                if fields.has(_QUANTIZATION)
                else None
            ),
            labels_sha256=fields.sha256(_LABELS) if fields.has(_LABELS) else None,
            stock=fields.has(_STOCK) and fields.flag(_STOCK),
        )

    def to_json(self) -> dict[str, object]:
        # Absent if they say nothing, so that an export keeps the cache key that it had before these fields existed.
        rare: dict[str, object] = {}
        if self.quantization is not None:
            rare[_QUANTIZATION] = self.quantization.to_json()
        if self.labels_sha256 is not None:
            rare[_LABELS] = self.labels_sha256
        if self.stock:
            rare[_STOCK] = True
        return {
            "model": self.model.to_json(),
            "backend": self.backend,
            "lowering": self.lowering,
            "precision": self.precision,
            "options": dict(self.options),
            "rewrites": list(self.rewrites),
            **rare,
        }
