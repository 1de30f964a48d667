"""The values of a pickled module whose classes are inert records: found where `torch.nn.Module` keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from pte_foundry.models.checkpoints.pickle_reader import InertRecord
from pte_foundry.models.checkpoints.refusal import shown

_MOST_MODULES = 100_000
"""A record that occurs on many paths is met on each."""
_DEEPEST = 200


def state_of_record(module: InertRecord) -> dict[str, Tensor]:
    """The state_dict of a pickled module, by the same names as `torch.nn.Module.state_dict` has.

    Raises:
        TypeError: if it is no module, or holds something other than tensors and modules.
        ValueError: if it holds itself, or has more than 100,000 modules.
    """
    state: dict[str, Tensor] = {}
    waiting: list[tuple[str, int, InertRecord]] = [("", 0, module)]
    met = 0
    while waiting:
        prefix, depth, record = waiting.pop()
        met += 1
        if met > _MOST_MODULES or depth > _DEEPEST:
            raise ValueError("its modules are nested too deeply, or one holds itself")
        for name, value in tensors_of_record(record, prefix):
            state[f"{prefix}{name}"] = value
        children = children_of_record(record)
        waiting += [(f"{prefix}{name}.", depth + 1, children[name]) for name in reversed(children)]
    return state


def tensors_of_record(record: InertRecord, prefix: str) -> Iterator[tuple[str, Tensor]]:
    """Parameters and saved buffers of one module, without those of the modules in it.

    Args:
        prefix: the module's path and a dot, for messages.
    """
    not_saved = vars(record).get("_non_persistent_buffers_set", set())
    if not isinstance(not_saved, set):
        raise TypeError(f"{shown(prefix)} has no set of buffers that are not saved")
    for group in ("_parameters", "_buffers"):
        for name, value in _mapping(record, group).items():
            if value is None or name in not_saved:
                continue
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"{shown(f'{prefix}{name}')} is a {type(value).__name__}, not a tensor"
                )
            yield name, value.detach()


def children_of_record(record: InertRecord) -> dict[str, InertRecord]:
    """The modules directly in a module, by name."""
    children: dict[str, InertRecord] = {}
    for name, child in _mapping(record, "_modules").items():
        if isinstance(child, InertRecord):
            children[name] = child
        elif child is not None:
            raise TypeError(f"the submodule {shown(name)} is a {type(child).__name__}")
    return children


def _mapping(record: InertRecord, attribute: str) -> Mapping[str, Any]:
    value = vars(record).get(attribute)
    if not isinstance(value, Mapping):
        raise TypeError(f"a pickled {type(record).__name__} has no {attribute}: it is not a module")
    return value
