from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from pte_foundry.errors import PteError
from pte_foundry.rewrites.pooled_query import PooledQuery, rewrite
from pte_foundry.testing.rewrite_checks import relative_difference, snapshot, unchanged
from pte_foundry.testing.tiny_pe import pictures, tiny_core, tiny_spatial


def test_computes_the_same_and_leaves_the_original_alone() -> None:
    tower, inputs = tiny_core(), pictures(3)
    before = snapshot(tower)
    rewritten = rewrite(tower, inputs[0])
    assert isinstance(rewritten.get_submodule("attn_pool"), PooledQuery)
    assert relative_difference(tower, rewritten, inputs) < 1e-5
    assert unchanged(tower, before)


def test_every_parameter_of_the_query_counts() -> None:
    # The scores of seeded weights are small; here each part decides where the pool looks.
    tower, inputs = tiny_core(), pictures(1)
    for name in ("latent", "q.weight", "q.bias", "kv.weight", "kv.bias"):
        tower.get_parameter(f"attn_pool.{name}").mul_(4.0)
    assert relative_difference(tower, rewrite(tower, inputs[0]), inputs) < 1e-5


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
    with pytest.raises(PteError, match=reason) as caught:
        rewrite(nn.Sequential(pool), pictures(1)[0])
    assert caught.value.kind == "bad-rewrite"


def test_a_tower_without_pool_and_a_larger_batch_are_refused() -> None:
    with pytest.raises(PteError, match="has no AttentionPoolLatent"):
        rewrite(tiny_spatial(), pictures(1)[0])
    with pytest.raises(PteError, match="the batch is 2, not 1"):
        rewrite(tiny_core(), (torch.zeros(2, 3, 48, 48),))
