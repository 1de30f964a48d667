"""The class token, with its position added, as a constant of the graph.

Stock towers expand the class token to the batch, put it before the patches, and add the positions
to all. The expansion is an operator that XNNPACK leaves to the portable kernels. For a batch of one
there is nothing to expand, and the sum of class token and position is a constant. Stock towers also
hand a rotation table to every block; after the rewrite `rope_attention` that one is not needed, and
half a megabyte of it would stay in the `.pte`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pte_foundry.models.torchvision_cpu import prepare_torchvision
from pte_foundry.rewrites.rope_attention import RopeAttention
from pte_foundry.rewrites.surgery import copy_structure, expect, unexpected

prepare_torchvision()

from timm.models.eva import Eva  # noqa: E402


class ConstantClassToken(nn.Module):
    """A tower for one picture: float32 [1, 3, height, width] -> what the stock tower gives."""

    class_token: Tensor
    positions: Tensor

    def __init__(self, tower: Eva) -> None:
        super().__init__()
        assert tower.pos_embed is not None and tower.cls_token is not None
        positions = tower.pos_embed.detach()
        self.patch_embed, self.norm_pre = tower.patch_embed, tower.norm_pre
        self.register_buffer("class_token", tower.cls_token.detach() + positions[:, :1])
        # A copy, because XNNPACK's serializer writes the whole storage that a view belongs to.
        self.register_buffer("positions", positions[:, 1:].clone())
        self.blocks, self.norm = tower.blocks, tower.norm
        self.pool = nn.Identity() if tower.attn_pool is None else tower.attn_pool
        self.fc_norm, self.head = tower.fc_norm, tower.head

    def forward(self, image: Tensor) -> Tensor:
        patches = self.patch_embed(image)
        x = self.norm_pre(torch.cat([self.class_token, patches + self.positions], dim=1))
        for block in self.blocks:
            x = block(x)
        return self.head(self.fc_norm(self.pool(self.norm(x))))  # type: ignore[no-any-return]


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of a timm tower that begins with a constant token; the same numbers to the last bit.

    Comes after `rope_attention`, whose attention includes the rotation.

    Raises:
        PteError: `bad-rewrite` for a module that is not timm's `Eva` with one class token, learned
            positions, a fixed input size and rewritten attention, ending in all tokens or in
            attention pooling; and for a batch other than 1.
    """
    if not isinstance(module, Eva):
        raise unexpected(__name__, f"expected timm's Eva, found {type(module).__name__}")
    if example_inputs[0].shape[0] != 1:
        raise unexpected(__name__, f"the batch is {example_inputs[0].shape[0]}, not 1")
    expect(
        __name__,
        "the tower (Eva)",
        {
            "a class token and no other prefix": module.cls_token is not None
            and module.num_prefix_tokens == 1,
            "learned positions for all tokens": module.pos_embed is not None
            and not module.no_embed_class,
            "attention rewritten by rope_attention": all(
                isinstance(block.attn, RopeAttention) for block in module.blocks
            ),
            "a fixed input size": not module.dynamic_img_size,
            "no dropped patches": module.patch_drop is None,
            "no pooling or attention pooling": module.global_pool == ""
            or (module.global_pool == "map" and module.attn_pool is not None),
        },
    )
    return ConstantClassToken(copy_structure(module)).eval()
