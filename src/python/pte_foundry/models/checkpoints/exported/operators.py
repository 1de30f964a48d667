"""The operators that a graph may call, and with what."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

import torch

from pte_foundry.models.checkpoints.exported.arguments import kind_of
from pte_foundry.models.checkpoints.exported.fields import Json, Misfit, identifier, shown

BY_PLACE, BY_NAME = 1, 2
CONSTANTS = ("as_int", "as_float", "as_bool")
SYMBOLS = ("as_sym_int", "as_sym_float", "as_sym_bool")

# `quantized_decomposed` and `torchvision` are there if a package of the toolchain registers them.
_NAMESPACES = frozenset(("aten", "prims", "quantized_decomposed", "torchvision"))
# Operators that read, map or write files, or print.
_REACHING_OUT = frozenset(("aten::from_file", "aten::from_file.out", "aten::_print"))
_NAMESPACES_REACHING_OUT = frozenset(("image", "video_reader"))
_TARGET = re.compile(r"torch\.ops\.([A-Za-z_]\w*)\.([A-Za-z_]\w*)\.([A-Za-z_]\w*)", re.ASCII)
_HIGHER_ORDER = re.compile(
    r"torch\.ops\.higher_order\.(?:cond|map_impl|scan|associative_scan|while_loop"
    r"|wrap_with_set_grad_enabled|wrap_with_autocast)"
)
_CALLING = re.compile(r"torch\.ops\.higher_order\.auto_functionalized(?:_v2)?")
_SYMBOLIC = re.compile(
    r"torch\.sym_(?:float|int|ite|max|min|not|sqrt|sum)|torch\._sym_sqrt"
    r"|math\.(?:ceil|floor|trunc|sqrt|pow)"
    r"|_operator\.(?:add|and_|eq|floordiv|ge|gt|le|lt|mod|mul|ne|neg|or_|pos|pow|sub|truediv)"
)
_POWERS = ("math.pow", "_operator.pow")
_GREATEST_POWER = 64


@dataclass(frozen=True)
class Operator:
    """What a call names.

    Attributes:
        target: as torch writes it.
        kind: `operator` for one of torch's registry, `symbolic` for arithmetic on sizes, `higher-order` for
            one that takes graphs, `calling` for one that takes an operator.
        arguments: names, in order; needed are those without a default. None if nothing declares them.
        results: how many values the call returns. None if nothing declares it.
    """

    target: str
    kind: str
    arguments: tuple[str, ...] | None = None
    needed: frozenset[str] = frozenset()
    results: int | None = None


def registered_operators() -> frozenset[str]:
    """The names that torch's dispatcher has now, e.g. `aten::add.Tensor`."""
    return frozenset(torch._C._dispatch_get_all_op_names())


@lru_cache(maxsize=4096)
def find_operator(target: str, imported: Set[str] = frozenset()) -> Operator:
    """
    Args:
        imported: names of the operators that the target's `imports` registered.

    Raises:
        Misfit: if a graph may not call it, or it is not registered.
    """
    if _SYMBOLIC.fullmatch(target):
        return Operator(target, "symbolic", results=1)
    if _HIGHER_ORDER.fullmatch(target):
        return Operator(target, "higher-order")
    if _CALLING.fullmatch(target):
        return Operator(target, "calling")
    found = _TARGET.fullmatch(target)
    if found is None or found[1] == "higher_order":
        raise Misfit(f"a call of {shown(target)}", True)
    namespace, name, overload = found.groups()
    full = f"{namespace}::{name}" + ("" if overload == "default" else f".{overload}")
    allowed = namespace in _NAMESPACES and full not in _REACHING_OUT
    if full in imported and namespace not in _NAMESPACES_REACHING_OUT or allowed:
        if torch._C._dispatch_has_kernel(full):
            return _declared(target, namespace, name, overload)
        raise Misfit(
            f"a call of {full}, an operator that this torch does not have. If a file of yours registers it, "
            "name that file in the target's `imports`"
        )
    raise Misfit(
        f"a call of {full}, no operator of torch's own or of the target's `imports`. If a file of yours "
        "registers it, name that file there; another such call",
        True,
    )


def _declared(target: str, namespace: str, name: str, overload: str) -> Operator:
    schema = getattr(getattr(getattr(torch.ops, namespace), name), overload)._schema
    return Operator(
        target,
        "operator",
        tuple(one.name for one in schema.arguments),
        frozenset(one.name for one in schema.arguments if not one.has_default_value()),
        len(schema.returns),
    )


def argument_name(value: object) -> str:
    """The name of an operator's argument, which may be called like a function of torch.fx: `self`."""
    if isinstance(value, str) and value.isascii() and value.isidentifier():
        return value
    return identifier(value)


def check_passed(operator: Operator, inputs: Sequence[Json]) -> None:
    """Hold the arguments of a call to the operator's schema, which torch does only for some of them.

    Args:
        inputs: torch's `NamedArgument`s; of `kind` 1 by place, 2 by name, None as the schema has it.

    Raises:
        Misfit: naming what does not belong.
    """
    if operator.kind == "symbolic":
        for place, one in enumerate(inputs):
            if kind_of(one["arg"]) not in (*CONSTANTS, *SYMBOLS):
                misfit = Misfit(f"{kind_of(one['arg'])} in arithmetic")
                raise misfit.inside(f"[{place}]").inside("inputs")
        if operator.target in _POWERS and not _small_power(inputs):
            raise Misfit("a power whose value could be immense")
    names = [one["name"] for one in inputs]
    if operator.kind in ("higher-order", "calling"):
        named = (one["name"] for one in inputs if one["name"] and one["kind"] != BY_PLACE)
        by_name = {identifier(name) for name in named}
        if not _takes(operator, len(inputs) - len(by_name), by_name):
            raise Misfit(f"arguments that {operator.target} does not take").inside("inputs")
    if operator.arguments is None:
        return
    placed = [one["name"] for one in inputs if one["kind"] == BY_PLACE]
    strange = [name for name in names if name not in operator.arguments]
    missing = operator.needed - set(names)
    if strange or missing or len(set(names)) != len(names):
        what = f"an argument {shown(strange[0])}" if strange else "an argument twice"
        if missing and not strange:
            what = f"no argument {min(missing)}"
        raise Misfit(f"{what} in a call of {operator.target}").inside("inputs")
    if tuple(placed) != operator.arguments[: len(placed)]:
        raise Misfit(f"arguments of {operator.target} in another order").inside("inputs")


def _small_power(inputs: Sequence[Json]) -> bool:
    (exponent,) = inputs[-1]["arg"].values() if len(inputs) == 2 else (None,)
    return isinstance(exponent, (int, float)) and abs(exponent) <= _GREATEST_POWER


def _takes(operator: Operator, placed: int, named: Set[str]) -> bool:
    """Whether a higher-order operator can be called with so many arguments by place, and these by name."""
    called = getattr(torch.ops.higher_order, operator.target.rpartition(".")[2])
    try:
        inspect.signature(called.__call__).bind(*range(placed), **dict.fromkeys(named))
    except TypeError:
        return False
    return True
