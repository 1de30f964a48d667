from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from pte_foundry.errors import PteError
from pte_foundry.rewrites.rope_attention import RopeAttention, rewrite
from pte_foundry.testing.rewrite_checks import relative_difference, snapshot, unchanged
from pte_foundry.testing.tiny_pe import pictures, tiny_core, tiny_spatial


def _sharpen(tower: nn.Module) -> None:
    """Make attention depend on positions; that of seeded weights is nearly a mean."""
    for block in (0, 1):
        tower.get_parameter(f"blocks.{block}.attn.qkv.weight").mul_(2.0)
        tower.get_parameter(f"blocks.{block}.attn.qkv.bias").mul_(2.0)


@pytest.mark.parametrize("make", [tiny_core, tiny_spatial])
def test_computes_the_same_and_leaves_the_original_alone(make: type[nn.Module]) -> None:
    tower, inputs = make(), pictures(3)
    _sharpen(tower)
    before = snapshot(tower)
    rewritten = rewrite(tower, inputs[0])
    assert isinstance(rewritten.get_submodule("blocks.1.attn"), RopeAttention)
    assert relative_difference(tower, rewritten, inputs) < 1e-5
    assert unchanged(tower, before)


def test_positions_matter_in_this_test() -> None:
    tower, inputs = tiny_spatial(), pictures(1)
    _sharpen(tower)
    rewritten = rewrite(tower, inputs[0])
    rewritten.get_buffer("blocks.0.attn.sine").neg_()
    assert relative_difference(tower, rewritten, inputs) > 1e-3


def test_blocks_share_their_tables_and_nothing_is_a_view() -> None:
    rewritten = rewrite(tiny_spatial(), pictures(1)[0])
    first, second = (rewritten.get_buffer(f"blocks.{block}.attn.cosine") for block in (0, 1))
    assert first is second and first.shape == (10, 1, 8)
    for name, tensor in rewritten.named_parameters():
        if ".attn." in name:
            assert tensor.untyped_storage().nbytes() == tensor.numel() * 4, name


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"qkv_fused": False}, "one projection qkv with a bias"),
        ({"qkv_bias": False}, "one projection qkv with a bias"),
        ({"rope_rotate_half": True}, "pairs of neighbouring channels"),
        ({"qk_norm": True}, "no inner norms"),
        ({"scale_attn_inner": True}, "no inner norms"),
        ({"rope_type": "mixed"}, "one rotation table"),
        ({"use_rot_pos_emb": False}, "one rotation table"),
        ({"attn_type": "eva"}, "has no AttentionRope"),
    ],
)
def test_other_towers_are_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(PteError, match=reason) as caught:
        rewrite(tiny_spatial(**changes), pictures(1)[0])
    assert caught.value.kind == "bad-rewrite"


def test_other_modules_and_a_larger_batch_are_refused() -> None:
    with pytest.raises(PteError, match="expected timm's Eva, found Linear"):
        rewrite(nn.Linear(1, 1), pictures(1)[0])
    with pytest.raises(PteError, match="the batch is 2, not 1"):
        rewrite(tiny_core(), (torch.zeros(2, 3, 48, 48),))
