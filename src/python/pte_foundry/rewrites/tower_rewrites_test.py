"""What all rewrites of Perception Encoder towers promise, alone and together."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from pte_foundry.errors import PteError
from pte_foundry.rewrites import (
    constant_class_token,
    matmul_layer_norm,
    pooled_query,
    rope_attention,
)
from pte_foundry.testing.rewrite_checks import (
    lower_to_xnnpack,
    relative_difference,
    snapshot,
    unchanged,
)
from pte_foundry.testing.tiny_pe import pictures, tiny_core, tiny_spatial
from pte_foundry.validation.runtime import load_program


def _sharpen(tower: nn.Module) -> nn.Module:
    """Make attention depend on positions; that of seeded weights is nearly a mean."""
    for block in (0, 1):
        tower.get_parameter(f"blocks.{block}.attn.qkv.weight").mul_(2.0)
        tower.get_parameter(f"blocks.{block}.attn.qkv.bias").mul_(2.0)
    return tower


def _rotated(tower: nn.Module) -> nn.Module:
    return rope_attention.rewrite(tower, pictures(1)[0])


@pytest.mark.parametrize(
    ("rewrite", "make", "tolerance"),
    [
        (rope_attention, lambda: _sharpen(tiny_core()), 1e-5),
        (rope_attention, lambda: _sharpen(tiny_spatial()), 1e-5),
        (pooled_query, tiny_core, 1e-5),
        (constant_class_token, lambda: _rotated(tiny_core()), 0.0),
        (constant_class_token, lambda: _rotated(tiny_spatial()), 0.0),
    ],
)
def test_each_computes_the_same_and_leaves_the_original_alone(
    rewrite: ModuleType, make: Callable[[], nn.Module], tolerance: float
) -> None:
    tower, inputs = make(), pictures(3)
    before = snapshot(tower)
    rewritten = rewrite.rewrite(tower, inputs[0])
    assert repr(rewritten) != before[0]
    assert relative_difference(tower, rewritten, inputs) <= tolerance
    assert unchanged(tower, before)


@pytest.mark.parametrize(
    ("make", "rewrites"),
    [
        (tiny_core, (rope_attention, constant_class_token, pooled_query, matmul_layer_norm)),
        (tiny_spatial, (rope_attention, constant_class_token, matmul_layer_norm)),
    ],
)
def test_all_together_give_one_delegate_call_that_runs(
    make: Callable[[], nn.Module], rewrites: tuple[ModuleType, ...]
) -> None:
    tower, inputs = make(), pictures(3)
    module = tower
    for one in rewrites:
        module = one.rewrite(module, inputs[0])
    assert relative_difference(tower, module, inputs) < 1e-5
    pte, facts = lower_to_xnnpack(module, inputs[0])
    assert (facts.delegate_calls, facts.undelegated) == (1, {})
    program = load_program(pte)
    with torch.no_grad():
        for picture in inputs:
            (actual,), expected = program.run(picture), tower(*picture)
            assert (actual - expected).abs().max() < 1e-5 * (expected.max() - expected.min())


@pytest.mark.parametrize(
    ("rewrite", "changes", "reason"),
    [
        (rope_attention, {"qkv_fused": False}, "one projection qkv with a bias"),
        (rope_attention, {"qkv_bias": False}, "one projection qkv with a bias"),
        (rope_attention, {"rope_rotate_half": True}, "pairs of neighbouring channels"),
        (rope_attention, {"qk_norm": True}, "no inner norms"),
        (rope_attention, {"scale_attn_inner": True}, "no inner norms"),
        (rope_attention, {"rope_type": "mixed"}, "one rotation table"),
        (rope_attention, {"use_rot_pos_emb": False}, "one rotation table"),
        (rope_attention, {"attn_type": "eva"}, "has no AttentionRope"),
        (pooled_query, {}, "has no AttentionPoolLatent"),
        (constant_class_token, {}, "attention rewritten by rope_attention"),
        (constant_class_token, {"num_reg_tokens": 1}, "a class token and no other prefix"),
        (constant_class_token, {"class_token": False}, "a class token and no other prefix"),
        (constant_class_token, {"use_abs_pos_emb": False}, "learned positions"),
        (constant_class_token, {"no_embed_class": True}, "learned positions"),
        (constant_class_token, {"global_pool": "avg"}, "no pooling or attention pooling"),
    ],
)
def test_other_towers_are_refused(
    rewrite: ModuleType, changes: dict[str, Any], reason: str
) -> None:
    tower = tiny_spatial(**changes)
    if rewrite is constant_class_token and changes:
        tower = _rotated(tower)
    with pytest.raises(PteError, match=f"^bad-rewrite: .*{reason}"):
        rewrite.rewrite(tower, pictures(1)[0])


@pytest.mark.parametrize("rewrite", [rope_attention, pooled_query, constant_class_token])
def test_other_modules_and_a_larger_batch_are_refused(rewrite: ModuleType) -> None:
    with pytest.raises(PteError, match="expected timm's Eva, found Linear|Linear has no"):
        rewrite.rewrite(nn.Linear(1, 1), pictures(1)[0])
    with pytest.raises(PteError, match="the batch is 2, not 1"):
        rewrite.rewrite(tiny_core(), (torch.zeros(2, 3, 48, 48),))


def test_rotation_matters_in_these_tests() -> None:
    tower, inputs = _sharpen(tiny_spatial()), pictures(1)
    rewritten = rope_attention.rewrite(tower, inputs[0])
    rewritten.get_buffer("blocks.0.attn.sine").neg_()
    assert relative_difference(tower, rewritten, inputs) > 1e-3


def test_blocks_share_their_tables_and_nothing_is_a_view() -> None:
    rewritten = rope_attention.rewrite(tiny_spatial(), pictures(1)[0])
    first, second = (rewritten.get_buffer(f"blocks.{block}.attn.cosine") for block in (0, 1))
    assert first is second and first.shape == (10, 1, 8)
    for name, tensor in rewritten.named_parameters():
        if ".attn." in name:
            assert tensor.untyped_storage().nbytes() == tensor.numel() * 4, name


def test_every_parameter_of_the_query_counts() -> None:
    # The scores of seeded weights are small; here each part decides where the pool looks.
    tower, inputs = tiny_core(), pictures(1)
    for name in ("latent", "q.weight", "q.bias", "kv.weight", "kv.bias"):
        tower.get_parameter(f"attn_pool.{name}").mul_(4.0)
    assert relative_difference(tower, pooled_query.rewrite(tower, inputs[0]), inputs) < 1e-5


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"latent_len": 2}, "one latent query"),
        ({"pool_type": "avg"}, "one latent query"),
        ({"q_proj": False}, "a query projection"),
        ({"qkv_bias": False}, "a query projection with a bias, a key and value projection"),
        ({"pos_embed": "abs", "feat_size": 9}, "no position embedding"),
        ({"qk_norm": True}, "no norms of query and key"),
        ({"out_features": 0}, "an MLP"),
    ],
)
def test_other_pools_are_refused(changes: dict[str, Any], reason: str) -> None:
    # Not at the top of the file: importing the rewrite is what makes timm importable.
    from timm.layers.attention_pool import AttentionPoolLatent

    pool = AttentionPoolLatent(8, num_heads=2, **changes)
    with pytest.raises(PteError, match=f"^bad-rewrite: .*{reason}"):
        pooled_query.rewrite(nn.Sequential(pool), pictures(1)[0])
