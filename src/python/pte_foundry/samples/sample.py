"""A sample: one set of a model's inputs in a file, as declared.

A `.npy` is the input of a model that has one. A `.npz` or `.safetensors` has an array for each input, under its
name. Nothing needs torch here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pte_foundry.errors import PteError
from pte_foundry.records.tensor_spec import TensorSpec
from pte_foundry.samples.arrays import UNNAMED, ArrayType, array_types, read_arrays

_CORRECT = "Correct the file, or the declared inputs"


def read_sample(specs: Sequence[TensorSpec], path: Path, name: str) -> tuple[npt.NDArray[Any], ...]:
    """The arrays of a file in the order of `specs`, contiguous, of their element types and shapes.

    Args:
        specs: the declared inputs, in the model's order.
        name: what messages call the file.

    Raises:
        PteError: `bad-sample` for a file that cannot be read, arrays of other names, element types or shapes than
            declared, and values that are not finite or outside the declared range.
    """
    types = array_types(path, name)
    keys = _keys(specs, types, name)
    sizes: dict[str, int] = {}
    for spec, key in zip(specs, keys):
        _check_type(spec, types[key], sizes, name)
    arrays = read_arrays(path, name)
    for spec, key in zip(specs, keys):
        _check_values(spec, arrays[key], name)
    return tuple(arrays[key] for key in keys)


def _keys(
    specs: Sequence[TensorSpec], types: Mapping[str, ArrayType], name: str
) -> tuple[str, ...]:
    names = tuple(spec.name for spec in specs)
    if UNNAMED in types:
        if len(names) == 1:
            return (UNNAMED,)
        raise _bad(name, f"holds one array, but the model takes {', '.join(names)}", _all_of(names))
    if types.keys() == set(names):
        return names
    missing = [one for one in names if one not in types]
    unknown = [one for one in types if one not in names]
    found = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(unknown)} too"
    raise _bad(name, f"{found}; its arrays are {', '.join(types) or 'none'}", _all_of(names))


def _all_of(names: Sequence[str]) -> str:
    return f"Save the inputs together: np.savez(file, {', '.join(f'{one}=...' for one in names)})"


def _check_type(spec: TensorSpec, found: ArrayType, sizes: dict[str, int], name: str) -> None:
    """Raises PteError; `sizes` are those of the dynamic dimensions so far, by name."""
    says = f"{spec.name!r} is {found}, but {spec} is declared"
    if found.dtype != spec.dtype:
        raise _bad(name, says, f'Save it as array.astype("{spec.dtype}")')
    dynamic = {dim.axis: dim for dim in spec.dynamic}
    fits = len(found.shape) == len(spec.shape)
    for axis, size in enumerate(found.shape if fits else ()):
        dim = dynamic.get(axis)
        if dim is None:
            fits = fits and size == spec.shape[axis]
        else:
            fits = fits and dim.low <= size <= dim.high and sizes.setdefault(dim.name, size) == size
    if not fits:
        raise _bad(name, says, "A file holds one set of inputs, with all dimensions, the first too")


def _check_values(spec: TensorSpec, array: npt.NDArray[Any], name: str) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        wrong = "NaN" if np.isnan(array).any() else "an infinity"
        raise _bad(name, f"{spec.name!r} has {wrong} in it", _CORRECT)
    if spec.values is None or array.dtype.kind == "b":
        return
    least, greatest = array.min().item(), array.max().item()
    if least < spec.values[0] or greatest > spec.values[1]:
        raise _bad(
            name, f"{spec.name!r} has values from {least} to {greatest}, but is {spec}", _CORRECT
        )


def _bad(name: str, what: str, advice: str) -> PteError:
    return PteError("bad-sample", f"{name}: {what}. {advice}")
