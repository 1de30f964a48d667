"""Models that attend by way of torch's own function, whose masks lowerings write down: to validated programs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pte_foundry.testing.own_workspace import own_workspace, save_exported
from pte_foundry.testing.workspace import failed_kinds

LENGTH, WIDTH, HEADS = 8, 16, 2


class Attending(nn.Module):
    """Without a mask, with a causal one, and with a window of booleans, one after the other."""

    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(WIDTH, 3 * WIDTH) for _ in range(3))
        self.register_buffer("window", torch.ones(LENGTH, LENGTH).tril(2).triu(-2).bool())

    def forward(self, x: Tensor) -> Tensor:
        attend = functional.scaled_dot_product_attention
        for number, projection in enumerate(self.projections):
            heads = projection(x).unflatten(-1, (HEADS, -1)).transpose(1, 2)
            query, key, value = heads.chunk(3, -1)
            mask = self.window if number == 2 else None
            found = attend(query, key, value, attn_mask=mask, is_causal=number == 1)
            x = x + found.transpose(1, 2).flatten(2)
        return x


@pytest.mark.parametrize("backend", ["portable", "xnnpack", "coreml", "vulkan"])
def test_attention_is_validated(tmp_path: Path, backend: str) -> None:
    torch.manual_seed(0)
    file = save_exported(tmp_path, Attending().eval(), (torch.randn(1, LENGTH, WIDTH),))
    workspace = own_workspace(tmp_path, file, {"x": f"float32[1,{LENGTH},{WIDTH}]"}, backend)
    cases = workspace.run()
    assert failed_kinds(cases) == {}, {one: cases[one].message for one in failed_kinds(cases)}
