"""What a pickle may set on a module: data, and nothing that the class defines itself."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from torch import Tensor, nn

from pte_foundry.models.checkpoints.pickle_reader import Modules
from pte_foundry.models.checkpoints.refusal import Unfit, shown

_GROUPS = {"_parameters": nn.Parameter, "_buffers": Tensor, "_modules": nn.Module}
_DICTS = (dict, OrderedDict)


def check_module_state(cls: type[nn.Module], state: object) -> None:
    """Check the attributes that a pickle gives to a module before the module gets any.

    Raises:
        TypeError: if `state` is not a dict of attributes, or one of `_parameters`, `_buffers` and `_modules`
            holds something else.
        ValueError: if it sets a special name, puts data in the place of a method or property of `cls`
            (`forward`, for instance), or brings hooks along.
    """
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise TypeError(f"the state of a pickled {cls.__name__} is not a dict of attributes")
    for name, value in state.items():
        defined = getattr(cls, name, None)
        if name.startswith("__") or callable(defined) or hasattr(defined, "__get__"):
            raise ValueError(f"it sets {shown(name)} of a {cls.__name__}, which the class defines")
        if value and name.endswith(("_hooks", "_hooks_with_kwargs")):
            raise Unfit(f"a {cls.__name__} has hooks in {name}. Save it without them")
    for group, kind in _GROUPS.items():
        _check_group(cls, group, kind, state.get(group))


def _check_group(cls: type[nn.Module], group: str, kind: type, members: Any) -> None:
    if type(members) not in _DICTS:
        raise TypeError(f"a pickled {cls.__name__} has no {group}: it is not a module")
    for name, value in members.items():
        if not isinstance(name, str) or not name or "." in name:
            raise ValueError(f"{group} of a {cls.__name__} has the name {shown(name)!r}")
        if hasattr(cls, name):
            raise ValueError(f"it sets {shown(name)} of a {cls.__name__}, which the class defines")
        if value is not None and not isinstance(value, kind):
            raise TypeError(
                f"{shown(name)} in {group} of a {cls.__name__} is a {type(value).__name__}"
            )


MODULES = Modules(nn.Module, check_module_state)
"""For a `PickleReader` whose table may have modules."""
