"""What a program says about itself, for apps without an index (standard library only).

A `.pte` returns it from methods without inputs, which every ExecuTorch runtime can call. All return texts, the one
kind of value besides numbers and tensors that the APIs for Python, Kotlin, Swift and C++ all pass on.

get_contract      one text: JSON, see `Contract.to_json`
get_model_name    one text
get_input_names   a text for each input of `forward`, in order
get_output_names  a text for each output of `forward`, in order
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pte_foundry.records.json_fields import Fields

SCHEMA_VERSION = 1
"""Raised when a field changes its meaning or goes away, not for a new field: readers ignore those."""

GET_CONTRACT = "get_contract"


@dataclass(frozen=True)
class Contract:
    """How to use a program.

    Attributes:
        model: the model's name, without precision and backend, e.g. `yolo11n`.
        backend: short name, e.g. `xnnpack`.
        precision: e.g. `int8`.
        labels_sha256: of the file of class names, lower-case hexadecimal; None for a model without one.
        inputs: of `forward`, as reports and index.json describe them: name, shape, dtype, layout, normalisation,
            and where declared dynamic dimensions and the range of values.
        outputs: of `forward`: name and description. The program's own metadata has their shapes and dtypes.
    """

    model: str
    backend: str
    precision: str
    labels_sha256: str | None
    inputs: tuple[Mapping[str, object], ...]
    outputs: tuple[Mapping[str, object], ...]

    @staticmethod
    def read(fields: Fields) -> Contract:
        """Read the content of `get_contract`.

        Raises:
            PteError: `bad-request` naming the field that is missing or wrong.
        """
        if fields.count("schema_version") != SCHEMA_VERSION:
            raise fields.error(
                "schema_version", f"is {fields.count('schema_version')}, and not {SCHEMA_VERSION}"
            )
        for tensor in fields.objects("inputs"):
            tensor.text("name")
            tensor.text("dtype")
            tensor.counts("shape")
        for tensor in fields.objects("outputs"):
            tensor.text("name")
            tensor.text("description")
        return Contract(
            fields.text("model"),
            fields.text("backend"),
            fields.text("precision"),
            None if fields.is_null("labels_sha256") else fields.sha256("labels_sha256"),
            tuple(dict(tensor.values) for tensor in fields.objects("inputs")),
            tuple(dict(tensor.values) for tensor in fields.objects("outputs")),
        )

    def to_json(self) -> dict[str, object]:
        return {
            "schema_version": SCHEMA_VERSION,
            "model": self.model,
            "backend": self.backend,
            "precision": self.precision,
            "labels_sha256": self.labels_sha256,
            "inputs": [dict(tensor) for tensor in self.inputs],
            "outputs": [
                {name: tensor[name] for name in ("name", "description")} for tensor in self.outputs
            ],
        }

    def methods(self) -> dict[str, tuple[str, ...]]:
        """Name of each method -> the texts that it returns. That of `get_contract` is ASCII."""
        content = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return {
            GET_CONTRACT: (content,),
            "get_model_name": (self.model,),
            "get_input_names": tuple(str(tensor["name"]) for tensor in self.inputs),
            "get_output_names": tuple(str(tensor["name"]) for tensor in self.outputs),
        }
