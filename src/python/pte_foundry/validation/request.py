"""What a validation is asked to check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.exporting.model_request import ModelRequest
from pte_foundry.reporting.checks import Checks
from pte_foundry.reporting.json_fields import Fields
from pte_foundry.reporting.json_files import read_json
from pte_foundry.reporting.report import Report


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
        photographs: path relative to `root` -> label that the top-1 class must carry; None for a
            picture that is an input only.
        root: folder that all paths are relative to.
    """

    address: str
    model: ModelRequest
    pte: str
    report: Report
    checks: Checks
    labels: tuple[str, ...] | None
    photographs: Mapping[str, str | None]
    root: Path

    @staticmethod
    def read(fields: Fields, root: Path) -> ValidationRequest:
        """Read the request and the small files that it names.

        Raises:
            PteError: `bad-request` for a wrong field, an absent file or a report without checks;
                `bad-input-shape` for a wrong input.
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
        request = ValidationRequest(
            fields.text("address"),
            ModelRequest.from_json(fields.get("model")),
            fields.text("pte"),
            report,
            report.declared.checks,
            None if labels_path is None else _read_labels(root / labels_path),
            {path: photographs.optional_text(path) for path in photographs.values},
            root,
        )
        for path in (request.pte, *request.photographs):
            if not (root / path).is_file():
                raise PteError(
                    "bad-request",
                    f"{fields.where}: {path} is no file. Add it to the inputs of the validation",
                )
        return request


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
