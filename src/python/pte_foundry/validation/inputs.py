"""The inputs that a program is run on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from pte_foundry.models.definition import Preprocess
from pte_foundry.models.fixed_inputs import fixed_inputs, sizes_to_try
from pte_foundry.records.model_request import SEEDED
from pte_foundry.validation.request import ValidationRequest

INPUTS = 2
"""Different inputs of a program, altogether at least: random numbers, and a photograph where a model takes pictures.

Every mutant in tests/mutants that parity is for is seen on the first input alone, whatever it is. The second is of
another kind: photographs have smooth parts, and none has values out of the usual range.
"""

Inputs = tuple[Tensor, ...]


def fixed_input_sets(request: ValidationRequest) -> Mapping[str, Inputs]:
    """`fixed-0`, `fixed-1`, ...: the same bits on every machine, in the declared shapes.

    One, and without photographs INPUTS. Of an int8 program too, which has to run: what it gives is judged on
    photographs. With dynamic dimensions: `fixed-largest`, `fixed-smallest` and
    `fixed-middle`.
    """
    tried = sizes_to_try(request.model.inputs)
    if tried:
        return {
            # Not only another size, but other values too.
            f"fixed-{name}": fixed_inputs(request.model.inputs, number + 1, sizes)[number]
            for number, (name, sizes) in enumerate(tried.items())
        }
    count = 1 if request.photographs else INPUTS
    sets = fixed_inputs(request.model.inputs, count)
    return {f"fixed-{number}": inputs for number, inputs in enumerate(sets)}


def photograph_inputs(
    request: ValidationRequest, preprocess: Preprocess
) -> Mapping[str, Callable[[], Inputs]]:
    """Path of each photograph that is shown -> a function that decodes it and prepares it as an app would.

    Trained weights are judged by what they see: they are shown all. Seeded ones see nothing, and a run takes seconds or
    minutes: they are shown the photographs with a label, or the first one, as inputs like any other.
    """
    if not request.photographs:
        return {}
    # Only here: it needs Pillow, which toolchains of models that take no pictures do not have.
    from pte_foundry.photographs.decode import read_photograph

    def prepare(path: str) -> Callable[[], Inputs]:
        return lambda: preprocess(read_photograph(request.root / path))

    return {path: prepare(path) for path in shown_photographs(request)}


def shown_photographs(request: ValidationRequest) -> list[str]:
    """Paths, sorted; see `photograph_inputs`."""
    paths = sorted(request.photographs)
    if request.model.weights.source != SEEDED:
        return paths
    return [path for path in paths if request.photographs[path] is not None] or paths[:1]
