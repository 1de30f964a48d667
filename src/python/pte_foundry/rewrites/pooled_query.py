"""Attention pooling whose constant query is part of the key's projection.

Every picture is pooled with the same learned query q. Its score with token x is q . (K x + b), per
head, which is (K^T q) . x + q . b: one row of a linear layer. So the scores of all heads are one
projection from C to heads, and the query and the keys are never computed. XNNPACK accepts the
stock product, whose left side is a constant, and then fails when the program runs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pte_foundry.models.torchvision_cpu import prepare_torchvision
from pte_foundry.rewrites.surgery import expect, replace_all, unexpected
from pte_foundry.rewrites.weights import frozen_linear, ordered_matmul

prepare_torchvision()

from timm.layers.attention_pool import AttentionPoolLatent  # noqa: E402


class PooledQuery(nn.Module):
    """Pool N tokens: float32 [1, N, C] -> [1, C]."""

    def __init__(self, pool: AttentionPoolLatent) -> None:
        super().__init__()
        heads, dim, width = pool.num_heads, pool.head_dim, pool.num_heads * pool.head_dim
        weight, bias = pool.kv.weight.detach(), pool.kv.bias.detach()
        assert isinstance(pool.q, nn.Linear)
        query = ordered_matmul(pool.latent.detach()[0], pool.q.weight.detach().t())
        query = (query + pool.q.bias.detach()) * float(pool.scale)
        # Rounded like the eager model's, which also makes the products below exact in float64.
        query = query.float().reshape(heads, 1, dim)
        self.heads = heads
        self.score = frozen_linear(
            ordered_matmul(query, weight[:width].reshape(heads, dim, -1)).squeeze(1),
            ordered_matmul(query, bias[:width].reshape(heads, dim, 1)).flatten(),
        )
        self.value = frozen_linear(weight[width:], bias[width:])
        self.proj, self.norm, self.mlp = pool.proj, pool.norm, pool.mlp

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.shape[1]
        value = self.value(x).reshape(tokens, self.heads, -1).transpose(0, 1)
        score = self.score(x).reshape(tokens, self.heads).transpose(0, 1)
        weights = torch.softmax(score, dim=-1).reshape(self.heads, 1, tokens)
        pooled: Tensor = self.proj(torch.bmm(weights, value).reshape(1, 1, -1))
        pooled = pooled + self.mlp(self.norm(pooled))
        return pooled.reshape(1, -1)


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of `module` in which every `AttentionPoolLatent` is a `PooledQuery`.

    Raises:
        PteError: `bad-rewrite` if there is none, if one has other parts, or for a batch other
            than 1.
    """
    if example_inputs[0].shape[0] != 1:
        raise unexpected(__name__, f"the batch is {example_inputs[0].shape[0]}, not 1")
    return replace_all(__name__, module, AttentionPoolLatent, _replace)


def _replace(path: str, pool: AttentionPoolLatent) -> PooledQuery:
    expect(
        __name__,
        f"{path} (AttentionPoolLatent)",
        {
            "one latent query": pool.latent_len == 1 and pool.pool == "token",
            "a query projection with a bias": isinstance(pool.q, nn.Linear)
            and pool.q.bias is not None,
            "a key and value projection with a bias": pool.kv.bias is not None,
            "no position embedding": pool.pos_embed is None,
            "no norms of query and key": isinstance(pool.q_norm, nn.Identity)
            and isinstance(pool.k_norm, nn.Identity),
            "an MLP": pool.mlp is not None,
        },
    )
    return PooledQuery(pool).eval()
