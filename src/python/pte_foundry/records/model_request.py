"""Which model, built how, from which weights: the part that export and validation share."""

from __future__ import annotations

from dataclasses import dataclass

from pte_foundry.records.request_fields import bad_request, json_object, text, text_list
from pte_foundry.records.tensor_spec import TensorSpec, dimension_ranges, parse_tensor_spec

SEEDED = "seeded"
WEIGHT_SOURCES = ("official", "substitute", SEEDED)

_WEIGHTS_KEYS = frozenset({"source", "file"})
# Absent where the target does not declare them, so that a new field asks for no new export.
_OPTIONAL_KEYS = frozenset({"imports", "outputs", "allowed_classes"})
_MODEL_KEYS = frozenset({"name", "builder", "inputs", "weights"}) | _OPTIONAL_KEYS


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
    def from_json(data: object) -> WeightsRequest:
        """Raises PteError `bad-request` if a field is missing, unknown or of a wrong type."""
        fields = json_object(data, "model.weights", _WEIGHTS_KEYS, optional=frozenset({"file"}))
        source = text(fields["source"], "model.weights.source")
        if source not in WEIGHT_SOURCES:
            raise bad_request("model.weights.source", f"{source!r} is not one of {WEIGHT_SOURCES}")
        file = fields.get("file")
        if source == SEEDED:
            if file is not None:
                raise bad_request("model.weights.file", "seeded weights have no file")
            return WeightsRequest(source, None)
        return WeightsRequest(source, text(file, "model.weights.file"))


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
            builder or the model does.
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
    def from_json(data: object) -> ModelRequest:
        """Read the `model` object of an export or validation request.

        Raises:
            PteError: `bad-request` for missing, unknown or wrongly typed fields,
                `bad-input-shape` for an input that does not follow the grammar.
        """
        fields = json_object(data, "model", _MODEL_KEYS, optional=_OPTIONAL_KEYS)
        inputs = json_object(fields["inputs"], "model.inputs", None)
        if not inputs:
            raise bad_request("model.inputs", "a model has at least one input")
        specs = tuple(
            parse_tensor_spec(name, text(spec, f"model.inputs.{name}"))
            for name, spec in inputs.items()
        )
        dimension_ranges(specs)

        def texts(key: str) -> tuple[str, ...]:
            return text_list(fields.get(key, []), f"model.{key}")

        return ModelRequest(
            name=text(fields["name"], "model.name"),
            builder=text(fields["builder"], "model.builder"),
            inputs=specs,
            weights=WeightsRequest.from_json(fields["weights"]),
            imports=texts("imports"),
            outputs=texts("outputs"),
            allowed_classes=texts("allowed_classes"),
        )
