"""Inputs and outputs of a program, as its index entry describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pte_foundry.records.json_fields import Fields
from pte_foundry.tree.pages.detection import Detection, read_detection
from pte_foundry.tree.pages.preparation import Preparation, read_preparation


@dataclass(frozen=True)
class ContractTensor:
    """Attributes:
    about: what is known in words: layout, or what an output means; "" if nothing is.
    normalisation: of a picture: `resize`, `scale`, `colour`, `mean` and `std` in words, by name.
    preparation: of a picture; None for any other tensor, and for a preparation that `read_preparation` does not know.
    detection: of an output that holds boxes in the form that `read_detection` knows; None of any other.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    about: str
    normalisation: tuple[tuple[str, str], ...] = ()
    preparation: Preparation | None = None
    detection: Detection | None = None

    @property
    def shape_text(self) -> str:
        """e.g. `float32[1, 3, 224, 224]`."""
        return f"{self.dtype}[{', '.join(str(size) for size in self.shape)}]"


@dataclass(frozen=True)
class Contract:
    inputs: tuple[ContractTensor, ...]
    outputs: tuple[ContractTensor, ...]

    @property
    def pictures(self) -> tuple[ContractTensor, ...]:
        return tuple(tensor for tensor in self.inputs if tensor.normalisation)


def read_contract(entry: Fields) -> Contract:
    """Raises PteError `bad-request` naming the field that is missing or wrong."""
    return Contract(
        tuple(_input(fields) for fields in entry.objects("inputs")),
        tuple(_output(fields) for fields in entry.objects("outputs")),
    )


def _output(fields: Fields) -> ContractTensor:
    about = str(fields.values.get("description") or "")
    detection = read_detection(fields.text("dtype"), fields.counts("shape"), about)
    return replace(_tensor(fields, about), detection=detection)


def _input(fields: Fields) -> ContractTensor:
    layout = str(fields.values.get("layout") or "")
    normalisation = fields.values.get("normalisation")
    if not isinstance(normalisation, Mapping):
        return _tensor(fields, layout)
    words = tuple((str(name), _words(value)) for name, value in sorted(normalisation.items()))
    shape = fields.counts("shape")
    preparation = read_preparation(fields.text("dtype"), layout, shape, normalisation)
    return _tensor(fields, layout, words, preparation)


def _tensor(
    fields: Fields,
    about: str,
    normalisation: tuple[tuple[str, str], ...] = (),
    preparation: Preparation | None = None,
) -> ContractTensor:
    return ContractTensor(
        fields.text("name"),
        fields.text("dtype"),
        fields.counts("shape"),
        about,
        normalisation,
        preparation,
    )


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
