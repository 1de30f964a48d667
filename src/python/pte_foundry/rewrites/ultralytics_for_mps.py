"""The rewrites of models of ultralytics for MPS."""

from __future__ import annotations

from torch import Tensor, nn

from pte_foundry.rewrites.ultralytics_chain import FOR_MPS, rewrite_all


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of `module`, see `rewrite_all`."""
    return rewrite_all("rewriting for MPS", module, example_inputs, FOR_MPS)
