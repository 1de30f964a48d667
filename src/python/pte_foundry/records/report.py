"""An artifact's report: what was declared and what the export found, in one JSON object."""

from __future__ import annotations

from dataclasses import dataclass

from pte_foundry.errors import PteError
from pte_foundry.records.contract import Contract
from pte_foundry.records.declared import Declared
from pte_foundry.records.facts import Facts
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.promise import broken_promises, explanation
from pte_foundry.records.quantization import broken_floor
from pte_foundry.records.quantization import explanation as quantization_explanation


@dataclass(frozen=True)
class Report(Facts):
    """Everything known about one `.pte`: the facts of its export, and what the BUILD files declare.

    A function of the build's inputs alone.
    """

    declared: Declared

    @property
    def size(self) -> int:
        return self.pte.size

    @property
    def sha256(self) -> str:
        return self.pte.sha256

    @property
    def contract(self) -> Contract:
        """What the program has to say about itself."""
        declared = self.declared
        return Contract(
            model=self.model,
            backend=declared.backend,
            precision=self.precision,
            labels_sha256=None if declared.labels is None else declared.labels.sha256,
            inputs=tuple(tensor.to_json() for tensor in self.inputs),
            outputs=tuple(tensor.to_json() for tensor in self.outputs),
        )

    @staticmethod
    def read(fields: Fields) -> Report:
        """Read a report that `to_json` made.

        Raises:
            PteError: `bad-request` naming the field that is missing or wrong.
        """
        pte = {name: fields.get(name) for name in ("sha256", "size")}
        facts = Facts.read(Fields({**fields.values, "pte": pte}, fields.where))
        return _combine(Declared.read(fields), facts, fields)

    def to_json(self) -> dict[str, object]:
        """Both in one object, with the size and the SHA-256 of the `.pte` at its top."""
        facts = super().to_json()
        del facts["pte"]
        return {**self.declared.to_json(), **facts, **self.pte.to_json()}


def build_report(declared: Declared, facts: Fields) -> Report:
    """The report of a program that keeps its backend's promise and meets its floors.

    Args:
        declared: from the BUILD files.
        facts: facts.json of the export.

    Raises:
        PteError: `delegation` if the program breaks its backend's promise; `quantization` if less of
            it is quantized than its floor says; `bad-request` if the facts are malformed, or their
            model or precision is not the declared one.
    """
    for name, expected in (("model", declared.model), ("precision", declared.precision)):
        if facts.text(name) != expected:
            raise facts.error(
                name, f"is {facts.text(name)!r}, but {declared.address} declares {expected!r}"
            )
    report = _combine(declared, Facts.read(facts), facts)
    broken = broken_promises(declared.promise, report.delegation)
    if broken:
        reason = explanation(broken, report.delegation)
        raise PteError("delegation", f"{declared.address} breaks its promise: {reason}")
    _check_quantization_floor(report)
    return report


def _check_quantization_floor(report: Report) -> None:
    floor, found = report.declared.quantization_floor, report.quantization
    if floor is None or found is None:
        return
    broken = broken_floor(floor, found)
    if broken:
        reason = quantization_explanation(broken, found)
        address = report.declared.address
        raise PteError("quantization", f"{address} is quantized less than it declares: {reason}")


def _combine(declared: Declared, facts: Facts, fields: Fields) -> Report:
    if (facts.quantization is None) != (declared.quantization_floor is None):
        raise fields.error(
            "quantization",
            "has to be null for programs without a quantization floor, and only for those",
        )
    return Report(**vars(facts), declared=declared)
