"""How many parameters an eager model has."""

from __future__ import annotations

from torch import nn

from pte_foundry.records.parameters import Parameters


def count_parameters(module: nn.Module) -> Parameters:
    """Over all parameters of an eager model.

    Trained or constant; one that two layers share counts once. Buffers, such as the running means of
    a batch norm, do not count.
    """
    parameters = list(module.parameters())
    return Parameters(
        count=sum(parameter.numel() for parameter in parameters),
        bytes=sum(parameter.numel() * parameter.element_size() for parameter in parameters),
    )
