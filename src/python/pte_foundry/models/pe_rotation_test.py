from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.models.pe_rotation import use_portable_tables
from pte_foundry.testing.tiny_pe import SIDE, tiny_spatial


def _table(tower: nn.Module) -> Tensor:
    return tower.get_buffer("rope.pos_embed")


def test_the_table_is_timms_up_to_rounding() -> None:
    tower = tiny_spatial(patch_size=2)
    before = _table(tower).clone()
    use_portable_tables(tower)
    assert _table(tower).shape == ((SIDE // 2) ** 2, 32) and _table(tower).dtype == torch.float32
    assert not torch.equal(_table(tower), before)
    assert (_table(tower) - before).abs().max() < 2e-6


def test_every_number_is_the_float64_value_rounded_once() -> None:
    tower = tiny_spatial(patch_size=2, ref_feat_shape=None)
    use_portable_tables(tower)
    side, pairs = SIDE // 2, 4  # head_dim 16: 4 frequencies by column, 4 by row, each twice.
    expected = [
        [
            function((position + 1) * 10000.0 ** (-index / pairs))
            for function in (math.sin, math.cos)
            for position in (column, row)
            for index in range(pairs)
            for _ in range(2)
        ]
        for row in range(side)
        for column in range(side)
    ]
    assert torch.equal(_table(tower), torch.tensor(expected, dtype=torch.float64).float())


def test_other_rotations_are_refused() -> None:
    others: tuple[dict[str, Any], ...] = ({"use_rot_pos_emb": False}, {"rope_type": "mixed"})
    for changes in others:
        with pytest.raises(TypeError, match="expected timm's RotaryEmbeddingCat"):
            use_portable_tables(tiny_spatial(**changes))
