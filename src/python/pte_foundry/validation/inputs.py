"""The inputs that a program is run on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from pte_foundry.exporting.fixed_inputs import fixed_inputs
from pte_foundry.models.definition import Preprocess
from pte_foundry.photographs.decode import read_photograph
from pte_foundry.validation.request import ValidationRequest

FIXED_INPUTS = 2
"""One could agree by chance, as with a program that ignores its input; two differ."""

Inputs = tuple[Tensor, ...]


def fixed_input_sets(request: ValidationRequest) -> Mapping[str, Inputs]:
    """`fixed-0`, `fixed-1`, ...: the same bits on every machine, in the declared shapes."""
    sets = fixed_inputs(request.model.inputs, FIXED_INPUTS)
    return {f"fixed-{number}": inputs for number, inputs in enumerate(sets)}


def photograph_inputs(
    request: ValidationRequest, preprocess: Preprocess
) -> Mapping[str, Callable[[], Inputs]]:
    """Path of each photograph -> a function that decodes it and prepares it as an app would."""

    def prepare(path: str) -> Callable[[], Inputs]:
        return lambda: preprocess(read_photograph(request.root / path))

    return {path: prepare(path) for path in sorted(request.photographs)}
