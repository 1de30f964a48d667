"""Tables for the rotary position embedding that are the same bits on every machine.

timm computes angles, sines and cosines in float32, whose last bits depend on the C library and on
the CPU's vector units; the tables go into the `.pte`. Computed in float64 and rounded once, they
differ only if a value lies within 2**-52 or so of a rounding boundary of float32.
"""

from __future__ import annotations

import torch
from torch import nn

from pte_foundry.models.torchvision_cpu import prepare_torchvision

prepare_torchvision()

from timm.layers.pos_embed_sincos import (  # noqa: E402
    RotaryEmbeddingCat,
    build_rotary_pos_embed,
)


def use_portable_tables(tower: nn.Module) -> None:
    """Replace the sine and cosine table of a timm tower, float32 [patches, 2 * head_dim], in place.

    The frequencies are `temperature ** (-i / n)` for i in [0, n), n = head_dim / 4, as in
    `timm.layers.pos_embed_sincos.freq_bands`.

    Raises:
        TypeError: if the tower's `rope` is no cached table of that kind.
    """
    rope = tower.rope
    if not isinstance(rope, RotaryEmbeddingCat) or rope.pos_embed is None or rope.in_pixels:
        raise TypeError(f"expected timm's RotaryEmbeddingCat with a table, found {rope}")
    count = len(rope.bands)
    bands = [float(rope.temperature) ** (-index / count) for index in range(count)]
    sines, cosines = build_rotary_pos_embed(
        rope.feat_shape,
        bands=torch.tensor(bands, dtype=torch.float64),
        in_pixels=False,
        ref_feat_shape=rope.ref_feat_shape,
        grid_offset=rope.grid_offset,
        grid_indexing=rope.grid_indexing,
        rotate_half=rope.rotate_half,
        dtype=torch.float32,
    )
    rope.pos_embed.copy_(torch.cat([sines, cosines], -1))
