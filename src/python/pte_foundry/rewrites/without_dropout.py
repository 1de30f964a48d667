"""Drop dropout, so that MPS takes a graph whole.

In evaluation mode dropout does nothing, but its decomposition is a `clone`, which MPS leaves to the
portable kernels: MobileNetV2 then falls into two pieces with one operator between them.
"""

from __future__ import annotations

import copy

from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of `module`, which is in evaluation mode, with `nn.Identity` for every dropout module.

    All kinds count (`nn.Dropout`, `nn.Dropout2d`, `nn.AlphaDropout`, ...). Calls of functions such as
    `torch.nn.functional.dropout` are not modules and stay. Values do not change.

    Args:
        example_inputs: part of every rewrite's signature; not needed here.
    """
    if isinstance(module, _DropoutNd):
        return nn.Identity()
    rewritten = copy.deepcopy(module)
    for path, child in list(rewritten.named_modules(remove_duplicate=False)):
        if isinstance(child, _DropoutNd):
            parent, _, name = path.rpartition(".")
            setattr(rewritten.get_submodule(parent), name, nn.Identity())
    return rewritten
