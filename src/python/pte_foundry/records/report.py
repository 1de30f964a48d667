"""An artifact's report: what was declared and what the export found, in one JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pte_foundry.errors import PteError
from pte_foundry.records.declared import Declared
from pte_foundry.records.delegation import Delegation
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.parameters import Parameters
from pte_foundry.records.promise import broken_promises, explanation
from pte_foundry.records.quantization import Quantization, broken_floor
from pte_foundry.records.quantization import explanation as quantization_explanation


@dataclass(frozen=True)
class Tensor:
    """An input or output: its name, element type (PyTorch's name) and static shape.

    Attributes:
        description: the whole JSON object, with layout and normalisation or a text for readers.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    description: Mapping[str, object]

    @staticmethod
    def read(fields: Fields) -> Tensor:
        return Tensor(
            fields.text("name"), fields.text("dtype"), fields.counts("shape"), dict(fields.values)
        )


@dataclass(frozen=True)
class Report:
    """Everything that is known of one `.pte`; a function of the build's inputs alone.

    Attributes:
        declared: from the BUILD files.
        versions: distribution -> version in the toolchain; has `executorch`.
        options: of the lowering.
        rewrites: modules of the export-time rewrites, in order.
        quantization: None for a program in a float precision, and for no other.
        size: bytes of the `.pte`.
        sha256: of the `.pte`, lower-case hexadecimal.
        delegation: as the export found it.
        parameters: of the eager model.
        planned_memory_bytes: size of each arena of the memory plan.
    """

    declared: Declared
    versions: Mapping[str, str]
    options: Mapping[str, str]
    rewrites: tuple[str, ...]
    quantization: Quantization | None
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    size: int
    sha256: str
    delegation: Delegation
    parameters: Parameters
    planned_memory_bytes: tuple[int, ...]

    @staticmethod
    def read(fields: Fields) -> Report:
        """Read a report that `to_json` made.

        Raises:
            PteError: `bad-request` naming the field that is missing or wrong.
        """
        return _combine(Declared.read(fields), fields, fields)

    def to_json(self) -> dict[str, object]:
        return {
            **self.declared.to_json(),
            "versions": dict(self.versions),
            "options": dict(self.options),
            "rewrites": list(self.rewrites),
            "quantization": None if self.quantization is None else self.quantization.to_json(),
            "inputs": [dict(tensor.description) for tensor in self.inputs],
            "outputs": [dict(tensor.description) for tensor in self.outputs],
            "size": self.size,
            "sha256": self.sha256,
            "delegation": self.delegation.to_json(),
            "parameters": self.parameters.to_json(),
            "planned_memory_bytes": list(self.planned_memory_bytes),
        }


def build_report(declared: Declared, facts: Fields) -> Report:
    """The report of a program that keeps its backend's promise and reaches its floors.

    Args:
        declared: from the BUILD files.
        facts: facts.json of the export.

    Raises:
        PteError: `delegation` if the program breaks its backend's promise; `quantization` if less of
            it is quantized than its floor says; `bad-request` if the facts are malformed or are of
            another model or precision than the declared one.
    """
    for name, expected in (("model", declared.model), ("precision", declared.precision)):
        if facts.text(name) != expected:
            raise facts.error(
                name, f"is {facts.text(name)!r}, but {declared.address} declares {expected!r}"
            )
    report = _combine(declared, facts, facts.nested("pte"))
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


def _combine(declared: Declared, facts: Fields, pte: Fields) -> Report:
    versions = facts.text_map("versions")
    if "executorch" not in versions:
        raise facts.error("versions", "does not name executorch")
    quantization = facts.optional_nested("quantization")
    if (quantization is None) != (declared.quantization_floor is None):
        raise facts.error(
            "quantization", "is null for a program without a quantization floor and for no other"
        )
    return Report(
        declared=declared,
        versions=versions,
        options=facts.text_map("options"),
        rewrites=facts.texts("rewrites"),
        quantization=None if quantization is None else Quantization.read(quantization),
        inputs=_tensors(facts, "inputs"),
        outputs=_tensors(facts, "outputs"),
        size=pte.count("size"),
        sha256=pte.sha256("sha256"),
        delegation=Delegation.read(facts.nested("delegation")),
        parameters=Parameters.read(facts.nested("parameters")),
        planned_memory_bytes=facts.counts("planned_memory_bytes"),
    )


def _tensors(facts: Fields, name: str) -> tuple[Tensor, ...]:
    tensors = tuple(Tensor.read(fields) for fields in facts.objects(name))
    if not tensors:
        raise facts.error(name, "is empty")
    return tensors
