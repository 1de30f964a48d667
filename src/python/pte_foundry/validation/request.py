"""What a validation is asked to check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.records.checks import Checks
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json
from pte_foundry.records.limits import Limits
from pte_foundry.records.model_request import ModelRequest
from pte_foundry.records.report import Report
from pte_foundry.records.validation_request import QuantizedExportFiles, RequestedValidation

INT8 = "int8"
"""The precision of quantized programs, and of no others."""


@dataclass(frozen=True)
class ValidationRequest:
    """A program, its report and the pictures to show it.

    Attributes:
        address: of the `pte_test`.
        model: how the eager reference is built.
        pte: path of the program, relative to `root`.
        report: what is claimed about the program.
        checks: those of the report: thresholds and the labels of photographs.
        labels: class names by index; None for a program without a label file.
        photographs: path relative to `root` -> what has to be seen there, see `Checks.photographs`; None
            for a picture that is only an input.
        quantized_export: of an int8 program; None for any other.
        limits: of each process that the bytes could make crash or hang.
        interpreter: dotted name of the module that can run the delegate's payload in PyTorch (see
            `pte_foundry.backends.interpreter`); None if the backend has none.
        root: folder that all paths are relative to.
        samples: paths relative to `root` of files with inputs of the model.
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
    samples: tuple[str, ...] = ()

    @property
    def is_quantized(self) -> bool:
        return self.report.declared.precision == INT8

    @property
    def judged_on_files(self) -> bool:
        """Whether there are photographs or samples: inputs like those that the model is for."""
        return bool(self.photographs or self.samples)

    @property
    def classes(self) -> int | None:
        """Lines of the label file; None without one."""
        return None if self.labels is None else len(self.labels)

    @staticmethod
    def read(fields: Fields, root: Path) -> ValidationRequest:
        """Read the request and the small files that it names.

        Raises:
            PteError: `bad-request` for a wrong field, an absent file, a report without checks, or
                checks that need photographs or samples but have none; `bad-input-shape` for a wrong input.
        """
        asked = RequestedValidation.read(fields)
        report = Report.read(Fields(read_json(root / asked.report), asked.report))
        if report.declared.checks is None:
            raise PteError(
                "bad-request",
                f"{asked.report}: the report names no checks, so there is nothing to hold the program "
                "to. Build the report with the checks of its test",
            )
        request = ValidationRequest(
            asked.address,
            asked.model,
            asked.pte,
            report,
            report.declared.checks,
            None if asked.labels is None else _read_labels(root / asked.labels),
            asked.photographs,
            asked.quantized_export,
            asked.interpreter,
            asked.limits,
            root,
            asked.samples,
        )
        _check_consistency(fields, request)
        quantized = request.quantized_export
        calibration = () if quantized is None else quantized.quantization.calibration
        for path in (request.pte, *request.photographs, *request.samples, *calibration):
            if not (root / path).is_file():
                raise PteError(
                    "bad-request",
                    f"{fields.where}: {path} is not a file. Add it to the inputs of the validation",
                )
        return request


def _check_consistency(fields: Fields, request: ValidationRequest) -> None:
    if request.is_quantized != (request.quantized_export is not None):
        raise fields.error(
            "quantized_export", f"is for programs of precision {INT8}: all of them, and only them"
        )
    if request.judged_on_files:
        return
    quantized = request.quantized_export
    if quantized is not None and quantized.quantization.calibration:
        raise fields.error(
            "photographs",
            "and `samples` are empty: parity of an int8 program that was calibrated on files is judged on such, "
            "because random inputs are outside what its calibration has seen",
        )
    if request.checks.trained is not None:
        raise fields.error(
            "photographs", "and `samples` are empty: predictions are compared on such files"
        )


def _read_labels(path: Path) -> tuple[str, ...]:
    """One class name per line; a final line break is optional."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PteError(
            "bad-request", f"{path.name} cannot be read as UTF-8 text ({error})"
        ) from error
    # No splitlines(): it also splits at characters that a class name may contain.
    return tuple(line.rstrip("\r") for line in text.removesuffix("\n").split("\n"))
