"""Run a model without leaving a trace on its inputs, or on the buffers that it may write to.

Some models normalise their input in place, and some keep what they have seen in a buffer. A second run would
then see something else than the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from pte_foundry.models.own.outputs import register_dataclasses


@contextmanager
def kept_state(module: nn.Module) -> Iterator[None]:
    """After this block the buffers of `module` are the same tensors as before it, with the same values."""
    buffers = dict(module.named_buffers())
    values = {name: buffer.detach().clone() for name, buffer in buffers.items()}
    versions = {name: buffer._version for name, buffer in buffers.items()}
    try:
        yield
    finally:
        with torch.no_grad():
            for name, buffer in buffers.items():
                path, _, attribute = name.rpartition(".")
                # Not get_submodule, which scripts do not have.
                owner = reduce(getattr, path.split("."), module) if path else module
                if getattr(owner, attribute) is not buffer:
                    setattr(owner, attribute, buffer)
                if buffer._version != versions[name]:
                    buffer.copy_(values[name])


def run_once(module: nn.Module, inputs: Sequence[Tensor]) -> object:
    """What the model returns for copies of `inputs`, from its present state, which is kept.

    Registers dataclasses that it returns. Raises whatever the model raises.
    """
    with kept_state(module):
        return run_on(module, inputs)


def run_on(module: Callable[..., object], inputs: Sequence[Tensor]) -> object:
    """What the model returns for copies of `inputs`; its buffers are then as it left them.

    What it returns is copied too: it may be a buffer, or an input.
    """
    with torch.no_grad():
        returned = module(*(one.clone() for one in inputs))
        register_dataclasses(returned)
        return pytree.tree_map_only(Tensor, torch.clone, returned)


def buffer_versions(module: nn.Module) -> list[tuple[str, int, int]]:
    """Name, identity and number of writes of each buffer: another list after a run is state that it keeps."""
    return [(name, id(one), one._version) for name, one in module.named_buffers()]
