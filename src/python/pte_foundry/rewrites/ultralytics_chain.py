"""All rewrites that apply to a model of ultralytics, one after the other, whatever its task.

Models of one's own are of many families, scales and tasks, and some have several outputs. Here each rewrite is left
out where the model has none of its layers, and the whole chain is compared with the model once, output by output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from pte_foundry.rewrites import (
    broadcast_upsampling,
    fold_batch_norm,
    fold_nearest_upsampling,
    levelwise_detection,
    levelwise_heads,
    softmax_detection,
    split_attention,
    split_csp_blocks,
)
from pte_foundry.rewrites.surgery import check_unchanged, class_name, unchecked

Rewrite = Callable[[nn.Module, tuple[Tensor, ...]], nn.Module]
Step = tuple[Rewrite, tuple[str, ...]]
"""A rewrite, and the classes of the layers of which it needs one."""

_FOLD: Step = (fold_batch_norm.rewrite, ("Conv", "DWConv"))
FOR_PORTABLE: Sequence[Step] = (_FOLD,)
FOR_XNNPACK: Sequence[Step] = (
    _FOLD,
    (split_csp_blocks.rewrite, ("C2f", "C3k2", "C2PSA")),
    (fold_nearest_upsampling.rewrite, ("Upsample",)),
    (split_attention.rewrite, ("Attention",)),
    (
        partial(levelwise_heads.decode_heads, mean=levelwise_detection.ExponentialMean),
        levelwise_heads.HEADS,
    ),
)
FOR_FLOAT16: Sequence[Step] = (
    _FOLD,
    (
        partial(levelwise_heads.decode_heads, mean=softmax_detection.SoftmaxMean),
        levelwise_heads.HEADS,
    ),
)
# MPS has no nearest upsampling.
FOR_MPS: Sequence[Step] = (*FOR_FLOAT16, (broadcast_upsampling.rewrite, ("Upsample",)))


def rewrite_all(
    what: str, module: nn.Module, example_inputs: tuple[Tensor, ...], steps: Sequence[Step]
) -> nn.Module:
    """A copy of `module` after all of `steps` that apply to it, proved to compute the same.

    Args:
        what: what the steps are for, for messages.

    Raises:
        PteError: `bad-rewrite` for layers that a step does not know, and if an output is another one afterwards.
    """
    rewritten = module
    with unchecked():
        for rewrite, layers in steps:
            if any(class_name(one) in layers for one in rewritten.modules()):
                rewritten = rewrite(rewritten, example_inputs)
    with torch.no_grad():
        outputs = module(*example_inputs)
    if isinstance(outputs, Tensor):
        check_unchanged(what, module, rewritten, example_inputs)
        return rewritten
    for number in range(len(outputs)):
        before, after = _Output(module, number), _Output(rewritten, number)
        check_unchanged(f"{what}, output {number},", before, after, example_inputs)
    return rewritten


class _Output(nn.Module):
    """One of a model's outputs."""

    def __init__(self, model: nn.Module, number: int) -> None:
        super().__init__()
        self.model, self.number = model, number

    def forward(self, *inputs: Tensor) -> Tensor:
        output: Tensor = self.model(*inputs)[self.number]
        return output
