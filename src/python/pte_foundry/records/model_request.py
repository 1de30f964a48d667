"""Which model, built how, from which weights: the part that export and validation share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pte_foundry.records.json_fields import Fields
from pte_foundry.records.tensor_spec import TensorSpec, dimension_ranges, parse_tensor_spec

SEEDED = "seeded"
WEIGHT_SOURCES = ("official", "substitute", SEEDED)

# Absent if the target does not declare them, so that a new field causes no new export.
_RARE = ("imports", "outputs", "allowed_classes")


@dataclass(frozen=True)
class WeightsRequest:
    """Where the weights come from.

    Attributes:
        source: one of `WEIGHT_SOURCES`.
        file: path of the checkpoint relative to the working directory; None for `seeded`.
    """

    source: str
    file: str | None

    @staticmethod
    def read(fields: Fields) -> WeightsRequest:
        """Raises PteError `bad-request` if a field is missing, unknown or of a wrong type."""
        fields.only("source", "file")
        source = fields.text("source")
        if source not in WEIGHT_SOURCES:
            raise fields.error("source", f"is {source!r}, not one of {', '.join(WEIGHT_SOURCES)}")
        if source != SEEDED:
            return WeightsRequest(source, fields.text("file"))
        if fields.has("file"):
            raise fields.error("file", "is given for seeded weights, which have no file")
        return WeightsRequest(source, None)

    def to_json(self) -> dict[str, object]:
        file = {} if self.file is None else {"file": self.file}
        return {"source": self.source, **file}


@dataclass(frozen=True)
class ModelRequest:
    """A model as a BUILD file declares it.

    Attributes:
        name: model name that the builder understands, e.g. `mobilenet_v3_small`.
        builder: dotted name of the builder module (see `pte_foundry.models.definition`).
        inputs: declared inputs in the order that the model takes them; at least one.
        weights: where the weights come from.
        imports: dotted names of modules to import before the builder's, for what they register.
        outputs: names of the outputs of a model whose checkpoint does not name them; empty if the
            builder or the model names them.
        allowed_classes: dotted names of classes that the checkpoint's pickle may refer to.
    """

    name: str
    builder: str
    inputs: tuple[TensorSpec, ...]
    weights: WeightsRequest
    imports: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    allowed_classes: tuple[str, ...] = ()

    @staticmethod
    def read(fields: Fields) -> ModelRequest:
        """Read the `model` object of an export or validation request.

        Raises:
            PteError: `bad-request` for missing, unknown or wrongly typed fields,
                `bad-input-shape` for an input that does not follow the grammar.
        """
        fields.only("name", "builder", "inputs", "weights", *_RARE)
        inputs = parse_inputs(fields.text_map("inputs"))
        if not inputs:
            raise fields.error("inputs", "is empty: a model has at least one input")
        imports, outputs, allowed_classes = (
            fields.texts(name) if fields.has(name) else () for name in _RARE
        )
        return ModelRequest(
            name=fields.text("name"),
            builder=fields.text("builder"),
            inputs=inputs,
            weights=WeightsRequest.read(fields.nested("weights")),
            imports=imports,
            outputs=outputs,
            allowed_classes=allowed_classes,
        )

    def to_json(self) -> dict[str, object]:
        rare = {
            "imports": self.imports,
            "outputs": self.outputs,
            "allowed_classes": self.allowed_classes,
        }
        return {
            "name": self.name,
            "builder": self.builder,
            "inputs": {spec.name: str(spec) for spec in self.inputs},
            "weights": self.weights.to_json(),
            **{name: list(texts) for name, texts in rare.items() if texts},
        }


def parse_inputs(inputs: Mapping[str, str]) -> tuple[TensorSpec, ...]:
    """The declared inputs, from name to text.

    Raises:
        PteError: `bad-input-shape` for one that does not follow the grammar, and for a dimension that two of them
            declare with different ranges.
    """
    specs = tuple(parse_tensor_spec(name, text) for name, text in inputs.items())
    dimension_ranges(specs)
    return specs
