"""How a checkpoint's values get into a model, and the checks of a model that has them."""

from __future__ import annotations

import re
import warnings
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.names import fitted, nearest
from pte_foundry.models.checkpoints.refusal import refusing, shown

_SHOWN = 5
_FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
"""Converted into each other: a value is the same number, rounded."""


def apply_state(
    module: nn.Module, state: Mapping[str, Tensor], origin: str = "the checkpoint"
) -> None:
    """Copy `state` into `module`, if `load_state_dict(strict=True)` takes it once its names are the model's.

    Names lose the prefixes that wrappers gave them (`names.fitted`). A shared parameter needs one of its names in
    the file, as safetensors writes it, and batch norms need no count of batches. What modules do themselves to
    values of older versions, such as `weight_g`, is theirs.

    A tensor must have the element type of the model, except that float64, float32, float16 and bfloat16 are
    converted into each other. What torch finds is known before any value is touched; what was
    copied is looked at afterwards, as a finite float64 may be infinite in float32.

    Args:
        origin: name of the checkpoint, for messages.

    Raises:
        PteError: `bad-checkpoint` naming the first keys that are missing or unexpected, each with the two names
            that are most like it, of another shape, or of another type; the module is untouched then. Also for
            NaN, for infinity where the model itself has none, and for two values of one shared parameter.
    """
    with refusing(origin, "does not fit the model"):
        expected = module.state_dict()
        infinite = {name for name, value in module.named_buffers() if _extremes(value) == _INFINITE}
        fitting = _with_counts(_with_shared(fitted(state, expected), expected), module, expected)
        problems = _misfits(expected, fitting)
        odd = [name for name, value in fitting.items() if _strange(value) is not None]
        plain = OrderedDict((name, one) for name, one in fitting.items() if name not in odd)
        vars(plain).update(vars(fitting))
        found = _findings(module, plain)
        missing = [name for name in found.missing if name not in odd]
        unexpected = [*found.unexpected, *(name for name in odd if name not in expected)]
        _refuse(
            origin,
            {
                "missing": _with_nearest(missing, unexpected, "the file"),
                "unexpected": _with_nearest(unexpected, missing, "the model"),
                "of a wrong shape": found.shapes,
                **problems,
            },
            _advice(expected, state) if unexpected else _CHECK_FILE,
        )
        if found.error:
            raise ValueError(found.error)
        module.load_state_dict(fitting, strict=True)
        copied = module.state_dict()
        _refuse(origin, _not_finite(copied.items(), infinite))
        _refuse(origin, {"sharing a parameter with another value": _torn(copied, fitting)})


@dataclass(frozen=True)
class _Findings:
    """What `load_state_dict` says of a state.

    Attributes:
        shapes: "name [2] instead of [3]" each.
        error: what it raised beside this; empty if nothing.
    """

    missing: list[str]
    unexpected: list[str]
    shapes: list[str]
    error: str


_SIZES = re.compile(
    r"size mismatch for (.+?): copying a param with shape torch\.Size\((\[.*?\])\) from checkpoint, "
    r"the shape in current model is torch\.Size\((\[.*?\])\)\."
)


def _findings(module: nn.Module, state: Mapping[str, Tensor]) -> _Findings:
    """Let `load_state_dict` with its hooks try, without touching a value of `module`."""
    keys: list[tuple[list[str], list[str]]] = []
    handle = module.register_load_state_dict_post_hook(  # type: ignore[no-untyped-call]
        lambda _, found: keys.append(found)
    )
    error = ""
    try:
        with _without_values(module), warnings.catch_warnings():
            # That copying to `meta` copies nothing.
            warnings.simplefilter("ignore")
            module.load_state_dict(state, strict=False)
    except RuntimeError as raised:
        # The first line says that there are errors.
        error = " ".join(line.strip() for line in str(raised).splitlines()[1:])
    finally:
        handle.remove()
    missing, unexpected = (list(names) for names in keys[-1]) if keys else ([], [])
    shapes = [
        f"{shown(name)} {shown(there)} instead of {own}"
        for name, there, own in _SIZES.findall(error)
    ]
    return _Findings(missing, unexpected, shapes, "" if shapes else error)


@contextmanager
def _without_values(module: nn.Module) -> Iterator[None]:
    """Tensors of the device `meta` in the place of parameters and buffers: what is copied into them goes nowhere."""
    kept: list[tuple[dict[str, Any], str, Tensor]] = [
        (group, name, value)
        for one in module.modules()
        for group in (one._parameters, one._buffers)
        for name, value in group.items()
        if value is not None
    ]
    twins: dict[int, Tensor] = {}
    for _, _, value in kept:
        twin = torch.empty(value.shape, dtype=value.dtype, device="meta")
        is_parameter = isinstance(value, nn.Parameter)
        twins[id(value)] = nn.Parameter(twin, requires_grad=False) if is_parameter else twin
    try:
        for group, name, value in kept:
            group[name] = twins[id(value)]
        yield
    finally:
        for group, name, value in kept:
            group[name] = value


def _with_shared(
    state: OrderedDict[str, Tensor], expected: Mapping[str, Tensor]
) -> OrderedDict[str, Tensor]:
    """`state`, and for each name of a shared parameter that it lacks the value under its other name."""
    tensors = {
        name: own for name, own in expected.items() if isinstance(own, Tensor) and own.numel()
    }
    there = {_place(own): name for name, own in tensors.items() if name in state}
    for name, own in tensors.items():
        if name not in state and _place(own) in there:
            state[name] = state[there[_place(own)]]
    return state


def _with_counts(
    state: OrderedDict[str, Tensor], module: nn.Module, expected: Mapping[str, Tensor]
) -> OrderedDict[str, Tensor]:
    """`state`, and the counts of batches that it lacks, which training alone reads."""
    for path, one in module.named_modules():
        name = f"{path}.num_batches_tracked".removeprefix(".")
        if isinstance(one, nn.modules.batchnorm._NormBase) and name in expected:
            state.setdefault(name, expected[name])
    return state


def _place(value: Tensor) -> tuple[int, torch.Size, tuple[int, ...]]:
    return value.data_ptr(), value.shape, value.stride()


def _with_nearest(names: Sequence[str], others: Sequence[str], whose: str) -> list[str]:
    """The names, and after each of those that are shown what it could be."""
    lines = []
    for number, name in enumerate(names):
        near = nearest(name, others) if number < _SHOWN else []
        alike = f" ({whose} has {' and '.join(map(shown, near))})" if near else ""
        lines.append(shown(name) + alike)
    return lines


def _advice(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    """What to do about names that the model does not have."""
    for prefix in sorted({name.partition(".")[0] for name in state if "." in name}):
        if all(f"{prefix}.{name}" in state for name in expected):
            return (
                f"All names of the model are in the file, behind {shown(prefix)!r}. To leave the others out, let the "
                f"builder's `adapt_checkpoint` be partial(plain_state_dict, prefix={shown(prefix) + '.'!r})"
            )
    return _CHECK_FILE


def check_values(module: nn.Module, origin: str) -> None:
    """Check the values of a module that a checkpoint held as a whole.

    Its buffers may be infinite, as masks of attention are; nothing may be NaN.

    Args:
        origin: name of the checkpoint, for messages.

    Raises:
        PteError: `bad-checkpoint` naming the first tensors that are not dense numbers on the CPU, for NaN, and
            for infinite parameters.
    """
    with refusing(origin, "has values that cannot be read"):
        tensors = dict(_tensors(module))
        problems: dict[str, list[str]] = {}
        for name, value in tensors.items():
            problem = _strange(value)
            if problem:
                problems.setdefault(problem, []).append(shown(name))
        _refuse(origin, problems)
        parameters = {name for name, _ in module.named_parameters(remove_duplicate=False)}
        _refuse(origin, _not_finite(tensors.items(), tensors.keys() - parameters))


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters, buffers, and tensors that are plain attributes."""
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)
    for path, one in module.named_modules():
        for name, value in vars(one).items():
            if isinstance(value, Tensor):
                yield f"{path}.{name}" if path else name, value


def _misfits(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> dict[str, list[str]]:
    """By kind, what is wrong with values beside their names and shapes."""
    problems: dict[str, list[str]] = {}

    def add(problem: str, name: str) -> None:
        problems.setdefault(problem, []).append(name)

    for key, value in state.items():
        problem, own = _strange(value), expected.get(key)
        if problem is not None:
            add(
                problem,
                shown(key) + ("" if isinstance(value, Tensor) else f" ({type(value).__name__})"),
            )
        elif (
            own is not None
            and value.dtype != own.dtype
            and not {value.dtype, own.dtype} <= {*_FLOATS}
        ):
            add(
                _type_advice(value.dtype),
                f"{shown(key)} {_name(value.dtype)} instead of {_name(own.dtype)}",
            )
        elif (
            own is not None
            and value.untyped_storage().nbytes() < value.numel() * value.dtype.itemsize
        ):
            add("with fewer values than their shape says", shown(key))
    return problems


def _strange(value: object) -> str | None:
    """Why it is not a dense tensor of numbers on the CPU; None if it is."""
    if not isinstance(value, Tensor):
        return "not a tensor"
    if value.is_nested or value.layout is not torch.strided:
        return "not dense (save them with `to_dense()`)"
    if value.is_quantized:
        return "quantised (save them with `dequantize()`; targets quantise by `quantization`)"
    if value.device.type != "cpu":
        return f"on the device {value.device.type}, without values here"
    if value.dtype.is_floating_point and value.dtype not in _FLOATS:
        return _type_advice(value.dtype)
    return None


def _type_advice(dtype: torch.dtype) -> str:
    if dtype.is_floating_point and dtype not in _FLOATS:
        return f"of {_name(dtype)}, whose scales are not known (save them as float32 or bfloat16)"
    return (
        "of another type (save what the model's own state_dict has; quantised integers as floats)"
    )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


_FINITE, _INFINITE, _NAN = range(3)


def _extremes(value: Tensor) -> int:
    """Whether all values are finite; one pass, without a copy except for complex numbers."""
    if value.is_complex():
        value = torch.view_as_real(value.resolve_conj())
    if value.dtype not in _FLOATS or value.numel() == 0:
        return _FINITE
    # NaN carries through minimum and maximum, infinity is one of them.
    ends = torch.stack(torch.aminmax(value.detach()))
    return _NAN if ends.isnan().any() else _INFINITE if ends.isinf().any() else _FINITE


def _not_finite(
    tensors: Iterable[tuple[str, Tensor]], may_be_infinite: Iterable[str]
) -> dict[str, list[str]]:
    infinite = frozenset(may_be_infinite)
    found = [
        shown(name)
        for name, value in tensors
        if _extremes(value) > (_INFINITE if name in infinite else _FINITE)
    ]
    return {"with NaN or infinity": found}


def _torn(copied: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    """Names of a shared parameter whose value another name has overwritten."""
    by_place: dict[tuple[int, torch.Size], list[str]] = {}
    for name, value in copied.items():
        if value.numel():
            by_place.setdefault((value.data_ptr(), value.shape), []).append(name)
    return [
        shown(name)
        for names in by_place.values()
        for name in names[:-1]
        if name in state and not torch.equal(state[name].to(copied[name].dtype), copied[name])
    ]


_CHECK_FILE = "Check that the file is this model's checkpoint"


def _refuse(origin: str, problems: Mapping[str, list[str]], do: str = _CHECK_FILE) -> None:
    found = "; ".join(
        f"{len(keys)} {what}: {', '.join(keys[:_SHOWN])}{', ...' * (len(keys) > _SHOWN)}"
        for what, keys in problems.items()
        if keys
    )
    if found:
        raise PteError(
            "bad-checkpoint",
            f"{origin} does not fit the model: {found}. {do}",
        )
