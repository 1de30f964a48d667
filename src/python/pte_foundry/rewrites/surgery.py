"""What rewrites share: finding layers, replacing them, and proving the result.

Rewrites know the layers of a library by the names of their classes and children, so that they can be
read, tested and run without that library. What a name promises is then checked: every child is
asked for with its type, and `check_unchanged` compares the whole model before and after.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError

TOLERANCE = 1e-5
"""Greatest difference of an output's element, relative to the range of its channel (at least 1)."""

# What ultralytics' models keep on a layer to run it: where its input comes from, and its own number.
_PLACE = ("f", "i")
_CHECKS = ContextVar("checks", default=True)
_WAITING: ContextVar[list[_Check] | None] = ContextVar("waiting", default=None)
_M = TypeVar("_M", bound=nn.Module)


def refuse(what: str) -> PteError:
    """The error of a rewrite that meets a structure it does not know."""
    return PteError(
        "bad-rewrite",
        f"{what}. Take the rewrite out of the program's `rewrites`, or teach it this structure",
    )


def class_name(module: nn.Module) -> str:
    return type(module).__name__


def child(module: nn.Module, name: str, kind: type[_M]) -> _M:
    """The submodule `name`; raises PteError `bad-rewrite` if it is absent or of another type."""
    found = module._modules.get(name)
    if not isinstance(found, kind):
        raise refuse(
            f"a {class_name(module)} has {class_name(found) if found else 'nothing'} as {name!r}, "
            f"where {kind.__name__} is expected"
        )
    return found


def number(module: nn.Module, name: str) -> int:
    """The integer attribute `name`; raises PteError `bad-rewrite` if there is none."""
    value = getattr(module, name, None)
    if not isinstance(value, int):
        raise refuse(f"a {class_name(module)} has no integer {name!r}")
    return value


def replace(root: nn.Module, path: str, new: nn.Module) -> None:
    """Put `new` in the place of the submodule at the dotted `path`."""
    old = root.get_submodule(path)
    for attribute in _PLACE:
        if hasattr(old, attribute):
            setattr(new, attribute, getattr(old, attribute))
    new.train(old.training)
    parent, _, name = path.rpartition(".")
    # Not setattr: a Sequential's children have numbers as names.
    root.get_submodule(parent)._modules[name] = new


def replace_layers(
    what: str,
    module: nn.Module,
    example_inputs: tuple[Tensor, ...],
    names: Sequence[str],
    make: Callable[[str, nn.Module], nn.Module],
) -> nn.Module:
    """A copy of `module`, proved to compute the same, with every layer of the classes `names` replaced.

    Args:
        what: what the rewrite does, for messages.
        make: called with the dotted path and the layer.

    Raises:
        PteError: `bad-rewrite` if there is no such layer, and as `check_unchanged`.
    """
    rewritten = copy.deepcopy(module)
    found = [(path, one) for path, one in rewritten.named_modules() if class_name(one) in names]
    if not found:
        raise refuse(f"{what}: the model has no {', '.join(names)}")
    for path, layer in found:
        replace(rewritten, path, make(path, layer))
    check_unchanged(what, module, rewritten, example_inputs)
    return rewritten


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
    """The error for a model whose structure is not what a rewrite expects."""
    return refuse(f"the rewrite {rewrite} does not fit this model: {what}")


@contextmanager
def unchecked() -> Iterator[None]:
    """Within this block `check_unchanged` does nothing.

    For rewrites that are applied again, to the weights and inputs on which an export has checked them: a check is two
    runs of the whole model in float64.
    """
    token = _CHECKS.set(False)
    try:
        yield
    finally:
        _CHECKS.reset(token)


@contextmanager
def deferred_checks() -> Iterator[Callable[[], None]]:
    """Within this block `check_unchanged` waits, so that a chain of rewrites is compared once, not link by link.

    Yields a function for after the block. It compares the first model of a chain with the last one, and the links
    only if these differ, to name the rewrite at fault; it raises as `check_unchanged`. A run of a model in float64 can
    take a tenth of the time of its export.
    """
    checks: list[_Check] = []
    token = _WAITING.set(checks)
    try:
        yield partial(_compare, checks)
    finally:
        _WAITING.reset(token)


def check_unchanged(
    what: str, before: nn.Module, after: nn.Module, inputs: tuple[Tensor, ...]
) -> None:
    """Run both on `inputs`, in float64, and compare their one output [1, channels, ...].

    In float64 two models that compute the same differ only by the rounding of folded weights; in
    float32 the order of sums alone makes them differ as much as a small mistake would. Channels are
    compared one by one, because pixels beside probabilities would hide anything.

    Raises:
        PteError: `bad-rewrite` if an element differs by more than `TOLERANCE`; later within `deferred_checks`.
    """
    if not _CHECKS.get():
        return
    check, waiting = _Check(what, before, after, inputs), _WAITING.get()
    if waiting is None:
        check.run()
    else:
        waiting.append(check)


@dataclass(frozen=True)
class _Check:
    """That two models compute the same, see `check_unchanged`."""

    what: str
    before: nn.Module
    after: nn.Module
    inputs: tuple[Tensor, ...]

    def run(self) -> None:
        with torch.no_grad():
            expected, found = (_in_float64(one, self.inputs) for one in (self.before, self.after))
        if found.shape != expected.shape:
            raise refuse(
                f"{self.what} changes the output from {list(expected.shape)} to {list(found.shape)}"
            )
        other = [dim for dim in range(expected.dim()) if dim != 1]
        extent = (expected.amax(other) - expected.amin(other)).clamp(min=1.0)
        relative = (found - expected).abs().amax(other) / extent
        worst = float(relative.max())
        if not worst <= TOLERANCE:
            raise refuse(
                f"{self.what} changes channel {int(relative.argmax())} of the model's output by "
                f"{worst:.3g} of its range, where {TOLERANCE} is allowed"
            )


def _compare(checks: Sequence[_Check]) -> None:
    for chain in _chains(checks):
        first, last = chain[0], chain[-1]
        what = first.what if first is last else f"{first.what} to {last.what}"
        try:
            _Check(what, first.before, last.after, first.inputs).run()
        except Exception:
            for link in chain:
                link.run()
            raise


def _chains(checks: Sequence[_Check]) -> list[list[_Check]]:
    """Runs of checks in which each begins with the model that the one before has made."""
    chains: list[list[_Check]] = []
    for check in checks:
        if chains and chains[-1][-1].after is check.before:
            chains[-1].append(check)
        else:
            chains.append([check])
    return chains


def _in_float64(module: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
    output: Tensor = copy.deepcopy(module).double()(*(x.double() for x in inputs))
    return output
