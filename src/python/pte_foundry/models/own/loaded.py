"""From a module or an exported program that a checkpoint held to a `ModelDefinition`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from pte_foundry.causes import draws_random_numbers, random_numbers, told
from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.values import check_values
from pte_foundry.models.definition import (
    InputContract,
    ModelDefinition,
    OutputContract,
    SavedModel,
)
from pte_foundry.models.forward import run_once
from pte_foundry.models.own.outputs import output_names

# Operator -> place of its argument `training`.
_TRAINING = {"aten::batch_norm": 5, "aten::dropout": 2, "aten::native_dropout": 2}


def run_samples(saved: SavedModel, module: nn.Module) -> list[list[Tensor]]:
    """The flattened outputs of each sample, each from the same state; registers dataclasses.

    Raises:
        PteError: `bad-input-shape` if the model rejects one.
    """
    results = []
    for sample in saved.samples:
        try:
            returned = run_once(module, sample)
        except Exception as error:  # Whatever the model raises is the reason to show.
            raise PteError(
                "bad-input-shape",
                f"model {saved.name!r} ({saved.path.name}) rejects inputs of the declared shapes "
                f"{[list(one.shape) for one in sample]}: {told(error, sample)}",
            ) from error
        results.append(list(pytree.tree_leaves(returned)))
    return results


def loaded_definition(saved: SavedModel, module: nn.Module) -> ModelDefinition:
    """The definition of a module that has its weights.

    Raises:
        PteError: `bad-checkpoint` as `check_values`; `bad-input-shape` if it rejects the samples; `bad-builder`
            for outputs that are not tensors or differ from those that are declared.
    """
    check_values(module, saved.path.name)
    run_samples(saved, module)
    returned = run_once(module, saved.samples[0])
    names = output_names(saved.name, returned, saved.outputs)
    return ModelDefinition(
        module=module,
        inputs=tuple(
            InputContract(name, shape, "as the model's author defines it")
            for name, shape in saved.inputs
        ),
        outputs=tuple(OutputContract(name, f"`{name}` of the saved model") for name in names),
        adapt_checkpoint=_never,
    )


def check_same(
    saved: SavedModel,
    what: str,
    expected: Sequence[Sequence[Tensor]],
    found: Sequence[Sequence[Tensor]],
) -> None:
    """Refuse a conversion that computes something else.

    The bound is what reordered float32 sums leave: 1e-5, absolute and relative.

    Raises:
        PteError: `bad-checkpoint` naming the sample and the output.
    """
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        same = len(ours) == len(theirs) and all(
            one.shape == other.shape
            and one.dtype == other.dtype
            and torch.allclose(one.double(), other.double(), rtol=1e-5, atol=1e-5, equal_nan=True)
            for one, other in zip(ours, theirs)
        )
        if not same:
            shapes = [list(one.shape) for one in saved.samples[number]]
            raise PteError(
                "bad-checkpoint",
                f"{saved.path.name}: {what} gives other outputs for inputs of shapes {shapes} than the "
                "file itself. Its control flow depends on what the conversion took for fixed: declare "
                "fixed shapes, or write a Python builder for it",
            )


def _never(content: object) -> dict[str, Tensor]:
    raise TypeError("a saved model has its weights already")


def refuse_random_numbers(file: str, program: ExportedProgram) -> None:
    """Refuse a graph that draws random numbers, whose outputs nothing can be compared with.

    Raises:
        PteError: `bad-checkpoint`.
    """
    for node in program.graph.nodes:
        if draws_random_numbers(node):
            raise PteError("bad-checkpoint", f"{file}: {random_numbers(node)}")


def refuse_training_mode(file: str, program: ExportedProgram) -> None:
    """Refuse a graph of training mode, which cannot be switched to eval mode.

    Raises:
        PteError: `bad-checkpoint`.
    """
    for node in program.graph.nodes:
        schema = getattr(node.target, "_schema", None)
        place = _TRAINING.get(getattr(schema, "name", ""))
        if place is not None and len(node.args) > place and node.args[place] is True:
            raise PteError(
                "bad-checkpoint",
                f"{file}: it was saved in training mode (its {node.target} is). Call .eval() on the model "
                "and save it again",
            )
