"""How a checkpoint's values get into a model, and the checks of a model that has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.refusal import refusing, shown

_SHOWN = 5
_FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
"""Converted into each other: a value is the same number, rounded."""


def apply_state(
    module: nn.Module, state: Mapping[str, Tensor], origin: str = "the checkpoint"
) -> None:
    """Copy `state` into `module`: the same names, shapes and kinds of numbers, and nothing else.

    A tensor must have the element type of the model, except that float64, float32, float16 and bfloat16 are
    converted into each other. Names, shapes and types are compared before any value is touched; what was
    copied is looked at afterwards, as a finite float64 may be infinite in float32.

    Args:
        origin: name of the checkpoint, for messages.

    Raises:
        PteError: `bad-checkpoint` naming the first keys that are missing, unexpected, of another
            shape, or of another type; the module is untouched then. Also for NaN, for infinity where the
            model itself has none, and for two values of one shared parameter.
    """
    with refusing(origin, "does not fit the model"):
        expected = module.state_dict()
        infinite = {name for name, value in module.named_buffers() if _extremes(value) == _INFINITE}
        _refuse(
            origin,
            {
                "missing": [shown(key) for key in expected if key not in state],
                "unexpected": [shown(key) for key in state if key not in expected],
                **_misfits(expected, state),
            },
        )
        module.load_state_dict(dict(state), strict=True)
        copied = module.state_dict()
        _refuse(origin, _not_finite(copied.items(), infinite))
        _refuse(origin, {"sharing a parameter with another value": _torn(copied, state)})


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
    shapes = []
    problems: dict[str, list[str]] = {}
    for key, own in expected.items():
        if key not in state:
            continue
        value = state[key]
        problem = _strange(value) if isinstance(value, Tensor) else None
        if problem is not None:
            problems.setdefault(problem, []).append(shown(key))
        elif not isinstance(value, Tensor) or value.shape != own.shape:
            shapes.append(f"{shown(key)} {_shape(value)} instead of {list(own.shape)}")
        elif value.dtype != own.dtype and not {value.dtype, own.dtype} <= {*_FLOATS}:
            problems.setdefault(_type_advice(value.dtype), []).append(
                f"{shown(key)} {_name(value.dtype)} instead of {_name(own.dtype)}"
            )
        elif value.untyped_storage().nbytes() < value.numel() * value.dtype.itemsize:
            problems.setdefault("with fewer values than their shape says", []).append(shown(key))
    return {"of a wrong shape": shapes, **problems}


def _strange(value: Tensor) -> str | None:
    """Why it is not a dense tensor of numbers on the CPU; None if it is."""
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
        if not torch.equal(state[name].to(copied[name].dtype), copied[name])
    ]


def _shape(value: object) -> str:
    return shown(list(value.shape)) if isinstance(value, Tensor) else f"({type(value).__name__})"


def _refuse(origin: str, problems: Mapping[str, list[str]]) -> None:
    found = "; ".join(
        f"{len(keys)} {what}: {', '.join(keys[:_SHOWN])}{', ...' * (len(keys) > _SHOWN)}"
        for what, keys in problems.items()
        if keys
    )
    if found:
        raise PteError(
            "bad-checkpoint",
            f"{origin} does not fit the model: {found}. Check that the file is this model's checkpoint",
        )
