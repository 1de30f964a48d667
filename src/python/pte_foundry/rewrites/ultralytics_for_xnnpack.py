"""The rewrites of models of ultralytics for XNNPACK."""

from __future__ import annotations

from torch import Tensor, nn

from pte_foundry.rewrites.ultralytics_chain import FOR_XNNPACK, rewrite_all


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of `module`, see `rewrite_all`."""
    return rewrite_all("rewriting for XNNPACK", module, example_inputs, FOR_XNNPACK)
