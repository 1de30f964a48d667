"""Self-attention with rotary position embedding, in operators that XNNPACK takes.

Stock attention of timm's towers falls into pieces: the fused q, k, v projection is unbound from a
5-D tensor, neighbouring channels are rotated by strided slices, the class token is cut off before
the rotation and put back after it, and the products are 4-D. Here

- q, k and v have their own projections, and the pairs of channels that rotate together come from
  separate projections (even channels, odd channels), so nothing is sliced;
- the class token takes part in the rotation with an angle of 0;
- the softmax scale is part of the query's weights;
- heads are the batch of a 3-D product, for a batch of one picture.

A score is a sum over channels, so their order does not matter as long as q and k agree on it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pte_foundry.models.torchvision_cpu import prepare_torchvision
from pte_foundry.rewrites.surgery import expect, replace_all, unexpected
from pte_foundry.rewrites.weights import frozen_linear

prepare_torchvision()

from timm.layers.attention import AttentionRope  # noqa: E402
from timm.models.eva import Eva  # noqa: E402


class RopeAttention(nn.Module):
    """Attention over N tokens: float32 [1, N, C] -> [1, N, C].

    Args:
        attention: timm's module.
        cosine, sine: of the angle of each token and pair of channels, float32 [N, 1, head_dim / 2].
    """

    cosine: Tensor
    sine: Tensor

    def __init__(self, attention: AttentionRope, cosine: Tensor, sine: Tensor) -> None:
        super().__init__()
        heads, dim = attention.num_heads, attention.head_dim
        assert attention.qkv is not None
        weight = attention.qkv.weight.detach().reshape(3, heads, dim, -1)
        bias = attention.qkv.bias.detach().reshape(3, heads, dim)
        scale = float(attention.scale)
        self.heads = heads
        self.query_even = _by_channel(weight[0, :, 0::2] * scale, bias[0, :, 0::2] * scale)
        self.query_odd = _by_channel(weight[0, :, 1::2] * scale, bias[0, :, 1::2] * scale)
        self.key_even = _by_channel(weight[1, :, 0::2], bias[1, :, 0::2])
        self.key_odd = _by_channel(weight[1, :, 1::2], bias[1, :, 1::2])
        self.value = _by_channel(weight[2], bias[2])
        self.proj = attention.proj
        self.register_buffer("cosine", cosine)
        self.register_buffer("sine", sine)

    def forward(self, x: Tensor, **of_the_block: object) -> Tensor:
        """What a block passes besides is in the tables (`rope`) or not in use (a mask)."""
        tokens = x.shape[1]
        query = self._rotate(self.query_even(x), self.query_odd(x))
        key = self._rotate(self.key_even(x), self.key_odd(x))
        value = self._by_head(self.value(x)).transpose(0, 1)
        weights = torch.softmax(torch.bmm(query, key.transpose(1, 2)), dim=-1)
        mixed = torch.bmm(weights, value).transpose(0, 1)
        return self.proj(mixed.reshape(1, tokens, -1))  # type: ignore[no-any-return]

    def _rotate(self, even: Tensor, odd: Tensor) -> Tensor:
        """[1, N, heads * dim / 2] twice -> [heads, N, dim], every pair rotated by its angle."""
        even, odd = self._by_head(even), self._by_head(odd)
        first = even * self.cosine - odd * self.sine
        second = odd * self.cosine + even * self.sine
        return torch.cat([first, second], dim=-1).transpose(0, 1)

    def _by_head(self, x: Tensor) -> Tensor:
        """[1, N, heads * d] -> [N, heads, d]."""
        return x.reshape(x.shape[1], self.heads, -1)


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of a timm tower in which every `AttentionRope` is a `RopeAttention`.

    Scaling the query before its projection and not after it rounds differently; a head_dim of 64
    makes the scale a power of two, and then not even that.

    Raises:
        PteError: `bad-rewrite` for a module that is not timm's `Eva` with one rotation table, for
            an attention with other parts, or for a batch other than 1.
    """
    if not isinstance(module, Eva):
        raise unexpected(__name__, f"expected timm's Eva, found {type(module).__name__}")
    if example_inputs[0].shape[0] != 1:
        raise unexpected(__name__, f"the batch is {example_inputs[0].shape[0]}, not 1")
    cosine, sine = _tables(module)
    # All blocks share the two tables, so that the `.pte` holds them once.
    return replace_all(
        __name__, module, AttentionRope, lambda path, one: _replace(path, one, cosine, sine)
    )


def _replace(path: str, attention: AttentionRope, cosine: Tensor, sine: Tensor) -> RopeAttention:
    expect(
        __name__,
        f"{path} (AttentionRope)",
        {
            "one projection qkv with a bias": attention.qkv is not None
            and attention.qkv.bias is not None,
            "as many key heads as query heads": attention.num_kv_groups == 1,
            "pairs of neighbouring channels": not attention.rotate_half,
            "no gate": attention.gate is None,
            "no inner norms": all(
                isinstance(norm, nn.Identity)
                for norm in (attention.q_norm, attention.k_norm, attention.norm)
            ),
            "a rotation table for its channels and tokens": cosine.shape[-1] * 2
            == attention.head_dim,
        },
    )
    return RopeAttention(attention, cosine, sine).eval()


def _tables(tower: Eva) -> tuple[Tensor, Tensor]:
    """Cosine and sine, float32 [prefix + patches, 1, head_dim / 2]; the prefix stays unrotated."""
    # Of any class that timm has for it, so it has no type here.
    rope: Any = tower.rope
    table: Tensor | None = None if rope is None else rope.get_embed()
    expect(
        __name__,
        "the tower (Eva)",
        {
            "one rotation table": table is not None and table.dim() == 2,
            "a fixed input size": not tower.dynamic_img_size,
        },
    )
    assert table is not None
    sine, cosine = (part[:, 0::2] for part in table.detach().chunk(2, -1))
    prefix = (tower.num_prefix_tokens, sine.shape[1])
    return (
        torch.cat([torch.ones(prefix), cosine]).unsqueeze(1),
        torch.cat([torch.zeros(prefix), sine]).unsqueeze(1),
    )


def _by_channel(weight: Tensor, bias: Tensor) -> nn.Linear:
    """From a weight [heads, d, C] and a bias [heads, d]."""
    return frozen_linear(weight.flatten(0, 1), bias.flatten())
