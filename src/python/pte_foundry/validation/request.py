"""What a validation is asked to check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.records.checks import Checks
from pte_foundry.records.export_request import RequestedQuantization
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json
from pte_foundry.records.model_request import ModelRequest
from pte_foundry.records.report import Report
from pte_foundry.validation.isolation.limits import Limits

INT8 = "int8"
"""The precision of quantized programs, and of no others."""


@dataclass(frozen=True)
class QuantizedExportFiles:
    """What the export of a quantized program did to the model, as far as torch can do it again.

    Attributes:
        rewrites: dotted names of rewrite modules, in the order in which they are applied.
        quantization: as the export was asked; pictures relative to the request's `root`.
    """

    rewrites: tuple[str, ...]
    quantization: RequestedQuantization

    @staticmethod
    def read(fields: Fields) -> QuantizedExportFiles:
        return QuantizedExportFiles(
            fields.texts("rewrites"), RequestedQuantization.from_json(fields.get("quantization"))
        )


@dataclass(frozen=True)
class ValidationRequest:
    """A program, its report and the pictures to show it.

    Attributes:
        address: of the `pte_test`.
        model: how the eager reference is built.
        pte: path of the program, relative to `root`.
        report: what is claimed of the program.
        checks: those of the report: thresholds and the labels of photographs.
        labels: class names by index, None for a program without a label file.
        photographs: path relative to `root` -> what is to be seen there, see `Checks.photographs`; None
            for a picture that is an input only.
        quantized_export: of a program of precision int8; None for any other.
        limits: of each process that does what the bytes could make crash or hang.
        interpreter: dotted name of the module that can run the delegate's payload in PyTorch (see
            `pte_foundry.backends.interpreter`); None if the backend has none.
        root: folder that all paths are relative to.
    """

    address: str
    model: ModelRequest
    pte: str
    report: Report
    checks: Checks
    labels: tuple[str, ...] | None
    photographs: Mapping[str, str | None]
    quantized_export: QuantizedExportFiles | None
    interpreter: str | None
    limits: Limits
    root: Path

    @property
    def is_quantized(self) -> bool:
        return self.report.declared.precision == INT8

    @property
    def classes(self) -> int | None:
        """Lines of the label file; None without one."""
        return None if self.labels is None else len(self.labels)

    @staticmethod
    def read(fields: Fields, root: Path) -> ValidationRequest:
        """Read the request and the small files that it names.

        Raises:
            PteError: `bad-request` for a wrong field, an absent file, a report without checks, or
                checks that need photographs and have none; `bad-input-shape` for a wrong input.
        """
        report_path = fields.text("report")
        labels_path = fields.optional_text("labels")
        photographs = fields.nested("photographs")
        report = Report.read(Fields(read_json(root / report_path), report_path))
        if report.declared.checks is None:
            raise PteError(
                "bad-request",
                f"{report_path}: the report names no checks, so there is nothing to hold the program "
                "to. Build the report with the checks of its test",
            )
        export = fields.optional_nested("quantized_export")
        request = ValidationRequest(
            fields.text("address"),
            ModelRequest.from_json(fields.get("model")),
            fields.text("pte"),
            report,
            report.declared.checks,
            None if labels_path is None else _read_labels(root / labels_path),
            {path: photographs.optional_text(path) for path in photographs.values},
            None if export is None else QuantizedExportFiles.read(export),
            fields.optional_text("interpreter"),
            Limits.read(fields.nested("limits")),
            root,
        )
        _check_consistency(fields, request)
        quantized = request.quantized_export
        pictures = () if quantized is None else quantized.quantization.calibration
        for path in (request.pte, *request.photographs, *pictures):
            if not (root / path).is_file():
                raise PteError(
                    "bad-request",
                    f"{fields.where}: {path} is no file. Add it to the inputs of the validation",
                )
        return request


def _check_consistency(fields: Fields, request: ValidationRequest) -> None:
    if request.is_quantized != (request.quantized_export is not None):
        raise fields.error(
            "quantized_export", f"is for programs of precision {INT8}, for all of them and no other"
        )
    if request.photographs:
        return
    if request.is_quantized:
        raise fields.error(
            "photographs",
            "is empty: parity of an int8 program is judged on photographs, because random inputs "
            "are outside of what its calibration has seen",
        )
    if request.checks.trained is not None:
        raise fields.error("photographs", "is empty: predictions are compared on photographs")


def _read_labels(path: Path) -> tuple[str, ...]:
    """One class name a line; a final line break is optional."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PteError(
            "bad-request", f"{path.name} cannot be read as UTF-8 text ({error})"
        ) from error
    # No splitlines(): it also splits at characters that a class name may contain.
    return tuple(line.rstrip("\r") for line in text.removesuffix("\n").split("\n"))
