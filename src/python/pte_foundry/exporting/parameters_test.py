from __future__ import annotations

import torch
from torch import nn

from pte_foundry.exporting.parameters import count_parameters
from pte_foundry.records.parameters import Parameters


def test_parameters_count_once_and_buffers_do_not() -> None:
    first = nn.Linear(3, 4)
    shared = nn.Linear(3, 4)
    shared.weight = first.weight
    constant = nn.Parameter(torch.zeros(5, dtype=torch.float16), requires_grad=False)
    module = nn.Sequential(first, shared, nn.BatchNorm1d(4))
    module.register_parameter("constant", constant)
    # A weight of 12, two biases of 4, 2 x 4 of the batch norm; 5 in half precision.
    assert count_parameters(module) == Parameters(count=33, bytes=28 * 4 + 5 * 2)
