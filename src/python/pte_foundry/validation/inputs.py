"""The inputs that a program is run on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor

from pte_foundry.models.definition import Preprocess
from pte_foundry.models.fixed_inputs import fixed_inputs, sizes_to_try
from pte_foundry.records.model_request import SEEDED
from pte_foundry.validation.request import ValidationRequest

INPUTS = 2
"""A program is run on at least this many inputs: random numbers, and a photograph if the model takes pictures.

Parity on the first input alone, whichever it is, catches every mutant in tests/mutants that it should. The second is of
another kind: photographs have smooth parts, and no values outside the usual range.
"""

INPUTS_WITH_STATE = 3
"""How many a program is run on that keeps state between calls: the third run depends on what two have left."""

Inputs = tuple[Tensor, ...]


def fixed_input_sets(request: ValidationRequest, least: int = 1) -> Mapping[str, Inputs]:
    """`fixed-0`, `fixed-1`, ...: the same bits on every machine, in the declared shapes.

    One with photographs, INPUTS without. An int8 program gets one too, since it has to run; its outputs are judged on
    photographs. With dynamic dimensions: `fixed-largest`, `fixed-smallest` and `fixed-middle`.

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
    count = max(least, 1 if request.photographs else INPUTS)
    sets = fixed_inputs(request.model.inputs, count)
    return {f"fixed-{number}": inputs for number, inputs in enumerate(sets)}


def photograph_inputs(
    request: ValidationRequest, preprocess: Preprocess
) -> Mapping[str, Callable[[], Inputs]]:
    """Path of each photograph that is shown -> a function that decodes and prepares it as an app would."""

    def prepare(path: str) -> Inputs:
        # Imported late: it needs Pillow, which the toolchain of a model without pictures lacks.
        from pte_foundry.photographs.decode import read_photograph

        return preprocess(read_photograph(request.root / path))

    return {path: partial(prepare, path) for path in shown_photographs(request)}


def shown_photographs(request: ValidationRequest) -> list[str]:
    """Paths, sorted.

    Trained weights are judged by what they see, so they are shown all photographs. Seeded ones see nothing, and a run
    takes seconds or minutes, so they are shown those with a label, or else the first, as an input like any other.
    """
    paths = sorted(request.photographs)
    if request.model.weights.source != SEEDED:
        return paths
    return [path for path in paths if request.photographs[path] is not None] or paths[:1]
