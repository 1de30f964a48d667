"""What an export found out about its program: facts.json (standard library only)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pte_foundry.records.delegation import Delegation
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.parameters import Parameters
from pte_foundry.records.quantization import Quantization


@dataclass(frozen=True)
class ExportedFile:
    """The SHA-256 of the `.pte`, lower-case hexadecimal, and its size in bytes."""

    sha256: str
    size: int

    @staticmethod
    def read(fields: Fields) -> ExportedFile:
        return ExportedFile(fields.sha256("sha256"), fields.count("size"))

    def to_json(self) -> dict[str, object]:
        return asdict(self)


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

    def to_json(self) -> dict[str, object]:
        return dict(self.description)


@dataclass(frozen=True)
class Facts:
    """Everything that a reader of the artifact needs and its bytes alone do not say.

    Attributes:
        versions: distribution -> version in the toolchain; has `executorch`.
        options: of the lowering.
        rewrites: modules of the export-time rewrites, in order.
        quantization: None for a program in a float precision, and only for those.
        delegation: as the export found it.
        parameters: of the eager model.
        planned_memory_bytes: size of each arena of the memory plan.
    """

    model: str
    precision: str
    versions: Mapping[str, str]
    options: Mapping[str, str]
    rewrites: tuple[str, ...]
    quantization: Quantization | None
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    pte: ExportedFile
    delegation: Delegation
    parameters: Parameters
    planned_memory_bytes: tuple[int, ...]

    @staticmethod
    def read(fields: Fields) -> Facts:
        """Raises PteError `bad-request` naming the field that is missing or wrong."""
        versions = fields.text_map("versions")
        if "executorch" not in versions:
            raise fields.error("versions", "does not name executorch")
        quantization = fields.optional_nested("quantization")
        return Facts(
            model=fields.text("model"),
            precision=fields.text("precision"),
            versions=versions,
            options=fields.text_map("options"),
            rewrites=fields.texts("rewrites"),
            quantization=None if quantization is None else Quantization.read(quantization),
            inputs=_tensors(fields, "inputs"),
            outputs=_tensors(fields, "outputs"),
            pte=ExportedFile.read(fields.nested("pte")),
            delegation=Delegation.read(fields.nested("delegation")),
            parameters=Parameters.read(fields.nested("parameters")),
            planned_memory_bytes=fields.counts("planned_memory_bytes"),
        )

    def to_json(self) -> dict[str, object]:
        return {
            "model": self.model,
            "precision": self.precision,
            "versions": dict(self.versions),
            "options": dict(self.options),
            "rewrites": list(self.rewrites),
            "quantization": None if self.quantization is None else self.quantization.to_json(),
            "inputs": [tensor.to_json() for tensor in self.inputs],
            "outputs": [tensor.to_json() for tensor in self.outputs],
            "pte": self.pte.to_json(),
            "delegation": self.delegation.to_json(),
            "parameters": self.parameters.to_json(),
            "planned_memory_bytes": list(self.planned_memory_bytes),
        }


def _tensors(fields: Fields, name: str) -> tuple[Tensor, ...]:
    tensors = tuple(Tensor.read(each) for each in fields.objects(name))
    if not tensors:
        raise fields.error(name, "is empty")
    return tensors
