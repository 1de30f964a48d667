"""What rewrites share: copying a structure, replacing parts of it, refusing what is strange."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeVar

from torch import nn

from pte_foundry.errors import PteError
from pte_foundry.rewrites.surgery import refuse

_M = TypeVar("_M", bound=nn.Module)


def copy_structure(module: _M) -> _M:
    """A copy whose submodules can be replaced without touching `module`.

    Parameters and buffers are shared, since rewrites make new ones and never change any: a copy
    costs no memory.
    """
    shared = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    return copy.deepcopy(module, shared)


def replace_all(
    rewrite: str, module: nn.Module, kind: type[_M], make: Callable[[str, _M], nn.Module]
) -> nn.Module:
    """A copy of `module` in which every submodule of type `kind` is what `make` gives for it.

    Args:
        rewrite: name of the rewrite, for messages.
        make: called with the dotted name and the submodule; once for one that has several names.

    Raises:
        PteError: `bad-rewrite` if there is no such submodule: then nothing would be rewritten.
    """
    rewritten = copy_structure(module)
    made: dict[int, nn.Module] = {}
    for path, child in list(rewritten.named_modules(remove_duplicate=False)):
        if not isinstance(child, kind):
            continue
        if id(child) not in made:
            made[id(child)] = make(path, child)
        if not path:
            return made[id(child)]
        parent, _, name = path.rpartition(".")
        setattr(rewritten.get_submodule(parent), name, made[id(child)])
    if not made:
        raise unexpected(rewrite, f"{type(module).__name__} has no {kind.__name__}")
    return rewritten


def expect(rewrite: str, where: str, conditions: dict[str, bool]) -> None:
    """Refuse a module that a rewrite was not made for.

    Args:
        where: the module's name and type.
        conditions: what the rewrite relies on -> whether it holds.

    Raises:
        PteError: `bad-rewrite` naming the conditions that do not hold.
    """
    failed = [condition for condition, holds in conditions.items() if not holds]
    if failed:
        raise unexpected(rewrite, f"{where} is expected to have {', '.join(failed)}")


def unexpected(rewrite: str, what: str) -> PteError:
    """The error for a model that has not the structure that a rewrite expects."""
    return refuse(f"the rewrite {rewrite} does not fit this model: {what}")
