"""What a validation is asked to check, as the plugin writes it (standard library only)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pte_foundry.records.export_request import RequestedQuantization
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.limits import Limits
from pte_foundry.records.model_request import ModelRequest

_SAMPLES = "samples"


@dataclass(frozen=True)
class QuantizedExportFiles:
    """What the export of a quantized program did to the model, as far as torch can repeat it.

    Attributes:
        rewrites: dotted names of rewrite modules, in the order in which they are applied.
        quantization: as requested of the export; its files relative to the working directory.
    """

    rewrites: tuple[str, ...]
    quantization: RequestedQuantization

    @staticmethod
    def read(fields: Fields) -> QuantizedExportFiles:
        return QuantizedExportFiles(
            fields.texts("rewrites"), RequestedQuantization.read(fields.nested("quantization"))
        )

    def to_json(self) -> dict[str, object]:
        return {"rewrites": list(self.rewrites), "quantization": self.quantization.to_json()}


@dataclass(frozen=True)
class RequestedValidation:
    """The content of `validation_request.json`; paths are relative to the working directory.

    Attributes:
        address: of the `pte_test`.
        model: how the eager reference is built.
        pte: path of the program.
        report: path of its report, which has the thresholds.
        labels: path of the label file; None for a program without one.
        photographs: path -> what has to be seen there, see `Checks.photographs`; None for a picture that is only an
            input.
        quantized_export: of an int8 program; None for any other.
        interpreter: dotted name of the module that can run the delegate's payload in PyTorch (see
            `pte_foundry.backends.interpreter`); None if the backend has none.
        limits: of each process that the bytes could make crash or hang.
        samples: paths of files with inputs of the model, see `pte_foundry.samples.sample`; no two have the same
            file name.
    """

    address: str
    model: ModelRequest
    pte: str
    report: str
    labels: str | None
    photographs: Mapping[str, str | None]
    quantized_export: QuantizedExportFiles | None
    interpreter: str | None
    limits: Limits
    samples: tuple[str, ...] = ()

    @staticmethod
    def read(fields: Fields) -> RequestedValidation:
        """Raises PteError `bad-request` for a wrong field, `bad-input-shape` for a wrong input."""
        photographs = fields.nested("photographs")
        export = fields.optional_nested("quantized_export")
        return RequestedValidation(
            address=fields.text("address"),
            model=ModelRequest.read(fields.nested("model")),
            pte=fields.text("pte"),
            report=fields.text("report"),
            labels=fields.optional_text("labels"),
            photographs={path: photographs.optional_text(path) for path in photographs.values},
            quantized_export=None if export is None else QuantizedExportFiles.read(export),
            interpreter=fields.optional_text("interpreter"),
            limits=Limits.read(fields.nested("limits")),
            samples=fields.texts(_SAMPLES) if fields.has(_SAMPLES) else (),
        )

    def to_json(self) -> dict[str, object]:
        # Absent without samples, so that other validations keep the cache keys that they had before there were any.
        samples = {_SAMPLES: list(self.samples)} if self.samples else {}
        return {
            "address": self.address,
            "model": self.model.to_json(),
            "pte": self.pte,
            "report": self.report,
            "labels": self.labels,
            "photographs": dict(self.photographs),
            "quantized_export": self.quantized_export and self.quantized_export.to_json(),
            "interpreter": self.interpreter,
            "limits": self.limits.to_json(),
            **samples,
        }
