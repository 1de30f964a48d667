"""Which outputs of a model depend on its inputs, and which are constants of its own, such as anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from pte_foundry.models.forward import kept_state


def depends_on_inputs(module: nn.Module, inputs: Sequence[Tensor]) -> list[bool]:
    """For each flattened output, whether it is computed from the inputs or is one of them. Runs the model once."""
    copies = tuple(one.clone() for one in inputs)
    watch = _Watch(copies)
    with torch.no_grad(), kept_state(module), watch:
        returned = tree_leaves(module(*copies))
    return [one in watch.computed for one in returned]


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows what is computed from the inputs.

    Attributes:
        computed: these tensors, by identity.
    """

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.computed = WeakIdKeyDictionary()
        for one in inputs:
            self.computed[one] = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here, see `payload_weights.model_constants`."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        if any(one in self.computed for one in given):
            for one in tree_leaves(result):
                if isinstance(one, Tensor):
                    self.computed[one] = True
        return result
