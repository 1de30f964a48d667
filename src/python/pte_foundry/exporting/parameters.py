"""How many parameters an eager model has."""

from __future__ import annotations

from torch import nn


def parameter_facts(module: nn.Module) -> dict[str, int]:
    """`count` of elements and `bytes` in the model's own element types, over all parameters.

    Trained or constant; one that two layers share counts once. Buffers, such as the running means of
    a batch norm, do not count.
    """
    parameters = list(module.parameters())
    return {
        "count": sum(parameter.numel() for parameter in parameters),
        "bytes": sum(parameter.numel() * parameter.element_size() for parameter in parameters),
    }
