"""The inputs that a program is run on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import PurePosixPath

import torch
from torch import Tensor

from pte_foundry.models.definition import Preprocess
from pte_foundry.models.fixed_inputs import fixed_inputs, sizes_to_try
from pte_foundry.photographs.reader import photograph_reader
from pte_foundry.records.model_request import SEEDED
from pte_foundry.samples.sample import read_sample
from pte_foundry.validation.request import ValidationRequest

INPUTS = 2
"""A program is run on at least this many inputs: random numbers, and a photograph if the model takes pictures.

Parity on the first input alone, whichever it is, catches every mutant in tests/mutants that it should. The second is of
another kind: photographs have smooth parts, and no values outside the usual range.
"""

INPUTS_WITH_STATE = 3
"""How many a program is run on that keeps state between calls: the third run depends on what two have left."""

INT8_INPUTS = 4
"""How many an int8 program is run on that is judged on random inputs alone: its errors depend on the values."""

Inputs = tuple[Tensor, ...]


def fixed_input_sets(request: ValidationRequest, least: int = 1) -> Mapping[str, Inputs]:
    """`fixed-0`, `fixed-1`, ...: the same bits on every machine, in the declared shapes.

    One with photographs or samples, INPUTS without. An int8 program gets one too, since it has to run; its outputs are
    judged on photographs or samples if there are any, else on INT8_INPUTS of these. With dynamic dimensions:
    `fixed-largest`, `fixed-smallest` and `fixed-middle`.

    Args:
        least: of sets; more than there would be are added at the end.
    """
    tried = sizes_to_try(request.model.inputs)
    if tried:
        return {
            # Different values, not only a different size.
            f"fixed-{name}": fixed_inputs(request.model.inputs, number + 1, sizes)[number]
            for number, (name, sizes) in enumerate(tried.items())
        }
    usual = INT8_INPUTS if request.is_quantized else INPUTS
    count = max(least, 1 if request.judged_on_files else usual)
    sets = fixed_inputs(request.model.inputs, count)
    return {f"fixed-{number}": inputs for number, inputs in enumerate(sets)}


def shown_inputs(
    request: ValidationRequest, preprocess: Preprocess
) -> Mapping[str, Callable[[], Inputs]]:
    """Path of each photograph and sample that is shown -> a function that reads and prepares it."""

    def prepare(path: str) -> Inputs:
        if path in request.photographs:
            return preprocess(photograph_reader()(request.root / path))
        name = PurePosixPath(path).name
        arrays = read_sample(request.model.inputs, request.root / path, name)
        return tuple(torch.from_numpy(array) for array in arrays)

    return {path: partial(prepare, path) for path in shown_files(request)}


def judged_inputs(
    request: ValidationRequest, preprocess: Preprocess
) -> Mapping[str, Callable[[], Inputs]]:
    """What an int8 program is judged on: photographs and samples, or else the fixed inputs."""
    if request.judged_on_files:
        return shown_inputs(request, preprocess)
    return {name: partial(tuple, inputs) for name, inputs in fixed_input_sets(request).items()}


def shown_files(request: ValidationRequest) -> list[str]:
    """Paths of photographs, then of samples; sorted.

    Trained weights are judged by what they see, so they are shown all. Seeded ones see nothing, and a run
    takes seconds or minutes, so they are shown the photographs with a label, or else the first file, as an input like
    any other.
    """
    paths = [*sorted(request.photographs), *sorted(request.samples)]
    if request.model.weights.source != SEEDED:
        return paths
    return [path for path in paths if request.photographs.get(path) is not None] or paths[:1]
