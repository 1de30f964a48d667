"""Build the eager model that a request names, with its weights, and prove that it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from pte_foundry.causes import told
from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.exported.operators import registered_operators
from pte_foundry.models.checkpoints.refusal import refusing
from pte_foundry.models.checkpoints.restricted import load_checkpoint
from pte_foundry.models.checkpoints.seeded import initialise
from pte_foundry.models.checkpoints.values import apply_state
from pte_foundry.models.definition import ModelDefinition, SavedModel
from pte_foundry.models.fixed_inputs import fixed_inputs, sizes_to_try
from pte_foundry.models.forward import run_once
from pte_foundry.models.own.outputs import register_dataclasses
from pte_foundry.models.plugins import load_module
from pte_foundry.records.model_request import ModelRequest


@dataclass(frozen=True)
class EagerModel:
    """A model ready to run or to export, in the state in which it was loaded.

    Attributes:
        definition: what the builder says of the model.
        module: weights loaded, eval mode, no parameter requires a gradient. It is the definition's
            own module.
        example_inputs: contiguous, of the declared shapes and element types, in the module's order.
    """

    definition: ModelDefinition
    module: nn.Module
    example_inputs: tuple[Tensor, ...]


def build_eager(request: ModelRequest, root: Path) -> EagerModel:
    """Build the model, load or seed its weights, and run it once on the declared input shapes.

    Args:
        root: folder that `request.weights.file` is relative to.

    Raises:
        PteError: `bad-builder`, `bad-input-shape`, `forbidden-pickle` or `bad-checkpoint`; each
            says what to change.
    """
    operators = frozenset().union(*(_import_operators(name) for name in request.imports))
    (example_inputs,) = fixed_inputs(request.inputs, 1)
    builder = load_module("builder", request.builder, (), "pte_foundry.models.mobilenet")
    if hasattr(builder, "load"):
        definition = _definition(request, builder.load(_saved(request, root, operators)))
        return _ready(definition, example_inputs)
    definition = _define(request)
    _check_declared_inputs(request, definition)
    module = definition.module
    if request.weights.file is None:
        # Its scales are measured in a forward pass, so another one is not needed.
        _check_forward(
            request,
            definition,
            example_inputs,
            lambda: initialise(module, _copies(example_inputs), seed=request.name).output,
        )
    else:
        _check_forward(
            request, definition, example_inputs, lambda: run_once(module, example_inputs)
        )
        path = root / request.weights.file
        content = load_checkpoint(
            path,
            definition.checkpoint_globals,
            unknown_as_records=definition.unknown_as_records,
        )
        apply_state(module, _adapt(definition, content, path), path.name)
    return _ready(definition, example_inputs)


@cache
def _import_operators(name: str) -> frozenset[str]:
    """The operators that importing a module registers: the first time, since it is imported once."""
    before = registered_operators()
    load_module("imports", name, (), "pte_foundry.models.mobilenet")
    return registered_operators() - before


def _copies(inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """For a model that may write to its inputs."""
    return tuple(one.clone() for one in inputs)


def _ready(definition: ModelDefinition, example_inputs: tuple[Tensor, ...]) -> EagerModel:
    definition.module.requires_grad_(False)
    return EagerModel(definition, definition.module.eval(), example_inputs)


def _define(request: ModelRequest) -> ModelDefinition:
    builder = load_module("builder", request.builder, ("build",), "pte_foundry.models.mobilenet")
    definition = _definition(request, builder.build(request.name))
    names = tuple(contract.name for contract in definition.outputs)
    if request.outputs and request.outputs != names:
        raise PteError(
            "bad-builder",
            f"model {request.name!r} declares the outputs {list(request.outputs)}, but {request.builder} "
            f"names {list(names)}. Remove `outputs`, or correct one of them",
        )
    return definition


def _definition(request: ModelRequest, definition: object) -> ModelDefinition:
    if not isinstance(definition, ModelDefinition):
        raise PteError(
            "bad-builder",
            f"model {request.name!r}: {request.builder}.build returned a {type(definition).__name__}, "
            "no pte_foundry.models.definition.ModelDefinition. Correct the builder",
        )
    return definition


def _saved(request: ModelRequest, root: Path, operators: frozenset[str]) -> SavedModel:
    """What a builder needs whose checkpoint is the whole model."""
    if request.weights.file is None:
        raise PteError(
            "bad-checkpoint",
            f"model {request.name!r}: its checkpoint is the whole model, so without it there is no "
            "architecture to seed weights for. Build it from its file",
        )
    path = root / request.weights.file
    if not path.is_file():
        raise PteError("bad-checkpoint", f"{path.name}: no such file. Check the weights target")
    tried = sizes_to_try(request.inputs) or {"declared": {}}
    return SavedModel(
        name=request.name,
        path=path,
        inputs=tuple((spec.name, spec.shape) for spec in request.inputs),
        samples=tuple(fixed_inputs(request.inputs, 1, sizes)[0] for sizes in tried.values()),
        outputs=request.outputs,
        allowed_classes=request.allowed_classes,
        operators=operators,
    )


def _check_declared_inputs(request: ModelRequest, definition: ModelDefinition) -> None:
    declared = [spec.name for spec in request.inputs]
    expected = [contract.name for contract in definition.inputs]
    if declared != expected:
        raise PteError(
            "bad-input-shape",
            f"model {request.name!r} declares the inputs {declared}, but {request.builder} takes "
            f"{expected}, in this order. Correct `inputs`",
        )


def _check_forward(
    request: ModelRequest,
    definition: ModelDefinition,
    inputs: tuple[Tensor, ...],
    forward: Callable[[], object],
) -> None:
    """Run the model once on the declared shapes, and compare these with the preprocessing of the builder."""
    declared = ", ".join(f"{spec.name!r} is declared as {spec}" for spec in request.inputs)
    try:
        with torch.no_grad():
            register_dataclasses(forward())
    except PteError:
        raise
    except Exception as error:  # Whatever the model raises is the reason to show.
        raise PteError(
            "bad-input-shape",
            f"model {request.name!r}: input {declared}, and the model rejects it: {told(error, inputs)}",
        ) from error
    for spec, contract in zip(request.inputs, definition.inputs):
        if spec.shape != contract.shape:
            raise PteError(
                "bad-input-shape",
                f"model {request.name!r}: input {spec.name!r} is declared as {spec}, but the "
                f"preprocessing of {request.builder} makes {list(contract.shape)}: no app could "
                "feed it. Correct `inputs`",
            )


def _adapt(definition: ModelDefinition, content: object, path: Path) -> Mapping[str, Tensor]:
    with refusing(
        path.name,
        "is not of the form that the builder expects",
        "Check that the file is this model's checkpoint",
    ):
        return definition.adapt_checkpoint(content)
