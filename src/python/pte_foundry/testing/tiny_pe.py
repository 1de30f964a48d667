"""Perception Encoder towers small enough for a test: all parts of the real ones, 2 blocks."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from pte_foundry.models.checkpoints.seeded import initialise
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.models.torchvision_cpu import prepare_torchvision
from pte_foundry.records.tensor_spec import TensorSpec

prepare_torchvision()

from timm.layers.norm import LayerNorm  # noqa: E402
from timm.models.eva import Eva  # noqa: E402

SIDE, PATCH, WIDTH, HEADS, EMBEDDING = 48, 16, 32, 2, 24


def tiny_core(**changes: Any) -> nn.Module:
    """Input float32 [1, 3, 48, 48], output [1, 24]. `changes` are arguments of timm's `Eva`."""
    return _tower(
        {"num_classes": EMBEDDING, "global_pool": "map", "attn_pool_num_heads": 4, **changes}
    )


def tiny_spatial(**changes: Any) -> nn.Module:
    """Input float32 [1, 3, 48, 48], output [1, 10, 32]."""
    ending = {"use_post_transformer_norm": False, "use_fc_norm": False}
    return _tower({"num_classes": 0, "global_pool": "", **ending, **changes})


def pictures(count: int) -> list[tuple[Tensor, ...]]:
    """`count` inputs of a tiny tower."""
    return fixed_inputs([TensorSpec("image", "float32", (1, 3, SIDE, SIDE))], count)


def _tower(arguments: dict[str, Any]) -> nn.Module:
    """Seeded, in eval mode. The fixed arguments are those of timm's `vit_pe_*` constructors."""
    stock: dict[str, Any] = {
        "img_size": SIDE,
        "patch_size": PATCH,
        "embed_dim": WIDTH,
        "depth": 2,
        "num_heads": HEADS,
        "attn_type": "rope",
        "use_pre_transformer_norm": True,
        "use_rot_pos_emb": True,
        "ref_feat_shape": (SIDE // PATCH, SIDE // PATCH),
        "rope_grid_offset": 1.0,
        "rope_grid_indexing": "xy",
        "norm_layer": partial(LayerNorm, eps=1e-5),
    }
    tower: nn.Module = Eva(**{**stock, **arguments}).eval()
    with torch.no_grad():
        initialise(tower, pictures(1)[0], "tiny")
    return tower.requires_grad_(False)
