"""The declared type of one tensor: name, element type, shape, values (standard library only).

float32[1,3,224,224]            every dimension fixed
int64[1,seq=1..128]             the second is called `seq` and may be 1 to 128
int64[1,seq=1..128]{0..999}     integers from 0 to 999, such as the tokens of a vocabulary
float32[1,3,224,224]{0.0..1.0}  numbers from 0 to 1, such as the pixels of a picture
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pte_foundry.errors import PteError

INTEGER_RANGES: Mapping[str, tuple[int, int]] = {
    "int8": (-(2**7), 2**7 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint8": (0, 2**8 - 1),
}
"""Integer element types, and their least and greatest values."""

FLOAT_LIMITS: Mapping[str, float] = {
    "float16": 65504.0,
    "float32": 3.4028234663852886e38,
    "float64": 1.7976931348623157e308,
}
"""Floating-point element types, and their greatest values."""

DTYPES = ("bool", "float16", "float32", "float64", *sorted(INTEGER_RANGES))
"""Element types that a `.pte` of ours may take, by their PyTorch names."""

_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?"
_GRAMMAR = re.compile(
    rf"(?P<dtype>[a-z]+[0-9]*)\[(?P<dims>[a-z0-9_=.,]*)\](?:\{{(?P<low>{_NUMBER})\.\.(?P<high>{_NUMBER})\}})?",
    re.ASCII,
)
_FIXED = re.compile(r"[0-9]+", re.ASCII)
_DYNAMIC = re.compile(r"(?P<name>[a-z][a-z0-9_]*)=(?P<low>[0-9]+)\.\.(?P<high>[0-9]+)", re.ASCII)
_MAX_ELEMENTS = 2**31 - 1
_MAX_DIGITS = 10


@dataclass(frozen=True)
class DynamicDim:
    """A dimension that an app chooses when it runs the program.

    Attributes:
        axis: its place in the shape, from 0.
        name: dimensions with the same name have the same size, even in different inputs.
        low: the least size, at least 1.
        high: the greatest size, more than `low`.
    """

    axis: int
    name: str
    low: int
    high: int


@dataclass(frozen=True)
class TensorSpec:
    """A tensor of a declared shape.

    Attributes:
        name: the input's name in the BUILD file and in reports.
        dtype: one of `DTYPES`.
        shape: positive dimensions, outermost first; empty for a scalar tensor. A dynamic dimension has
            its greatest size, for which a program plans its memory.
        dynamic: by axis; empty for a static shape.
        values: least and greatest value, integers of an integer input and floats of another; None where any will do.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    dynamic: tuple[DynamicDim, ...] = ()
    values: tuple[int, int] | tuple[float, float] | None = None

    def __str__(self) -> str:
        dims = [str(size) for size in self.shape]
        for dim in self.dynamic:
            dims[dim.axis] = f"{dim.name}={dim.low}..{dim.high}"
        values = "" if self.values is None else f"{{{self.values[0]}..{self.values[1]}}}"
        return f"{self.dtype}[{','.join(dims)}]{values}"


def parse_tensor_spec(name: str, text: str) -> TensorSpec:
    """Parse the BUILD files' grammar, see the module's docstring.

    Raises:
        PteError: `bad-input-shape` if the text does not follow the grammar, the element type is
            unknown, a dimension is not positive, a range is empty or does not fit the element type,
            or the tensor has 2**31 elements or more.
    """

    def wrong(why: str) -> PteError:
        return PteError(
            "bad-input-shape",
            f"input {name!r} is declared as {text!r}: {why}. "
            "Write it as dtype[dim,dim,...], for example float32[1,3,224,224], or "
            "int64[1,seq=1..128]{0..999} for a dimension from 1 to 128 and values from 0 to 999, which are "
            "{0.0..1.0} for floats",
        )

    match = _GRAMMAR.fullmatch(text)
    if match is None:
        raise wrong("it does not follow the grammar")
    dtype, dims = match["dtype"], match["dims"]
    if dtype not in DTYPES:
        raise wrong(f"{dtype!r} is not one of {', '.join(DTYPES)}")
    shape, dynamic = [], []
    for axis, field in enumerate(dims.split(",") if dims else []):
        if not field:
            raise wrong("a dimension is empty")
        choice = _DYNAMIC.fullmatch(field)
        if choice is None and _FIXED.fullmatch(field) is None:
            raise wrong("it does not follow the grammar")
        numbers = [field] if choice is None else [choice["low"], choice["high"]]
        if any(len(number) > _MAX_DIGITS for number in numbers):
            raise wrong("a dimension is too large")
        sizes = [int(number) for number in numbers]
        if 0 in sizes:
            raise wrong("dimensions are positive")
        if choice is not None:
            if sizes[0] >= sizes[1]:
                raise wrong(f"{field!r} is not a range: the first size has to be the smaller one")
            dynamic.append(DynamicDim(axis, choice["name"], sizes[0], sizes[1]))
        shape.append(sizes[-1])
    elements = 1
    for size in shape:
        elements *= size
    if elements > _MAX_ELEMENTS:
        raise wrong("it has 2**31 elements or more")
    values = None
    if match["low"] is not None:
        try:
            values = _values(dtype, match["low"], match["high"])
        except ValueError as error:
            raise wrong(str(error)) from None
    return TensorSpec(name, dtype, tuple(shape), tuple(dynamic), values)


def _values(dtype: str, low: str, high: str) -> tuple[int, int] | tuple[float, float]:
    """Raises ValueError for what is not a range of numbers of this type."""
    written = f"{{{low}..{high}}}"
    points = ["." in one or "e" in one for one in (low, high)]
    if dtype in FLOAT_LIMITS:
        if not all(points):
            raise ValueError(
                f"{written} is not a range of {dtype} numbers: write them with a point, such as {{0.0..1.0}}"
            )
        floats, limit = (float(low), float(high)), FLOAT_LIMITS[dtype]
        # Their difference is a number too.
        if not -limit <= floats[0] < floats[1] <= limit or math.isinf(floats[1] - floats[0]):
            raise ValueError(f"{written} is not a range of {dtype} numbers")
        return floats
    least, greatest = INTEGER_RANGES.get(dtype, (1, 0))
    if any(points) or not least <= int(low) <= int(high) <= greatest:
        raise ValueError(f"{written} is not a range of {dtype} integers")
    return int(low), int(high)


def dimension_ranges(specs: Sequence[TensorSpec]) -> dict[str, tuple[int, int]]:
    """Name of each dynamic dimension -> its least and greatest size; by first mention.

    Raises:
        PteError: `bad-input-shape` if two inputs declare the same name with different ranges.
    """
    ranges: dict[str, tuple[int, int]] = {}
    for spec in specs:
        for dim in spec.dynamic:
            known = ranges.setdefault(dim.name, (dim.low, dim.high))
            if known != (dim.low, dim.high):
                raise PteError(
                    "bad-input-shape",
                    f"input {spec.name!r} is declared as {spec}, but {dim.name!r} is "
                    f"{known[0]}..{known[1]} elsewhere: one name means one size. Give them the same range, "
                    "or different names",
                )
    return ranges


def shape_at(spec: TensorSpec, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape with these sizes of the named dimensions, and the greatest size of any other."""
    shape = list(spec.shape)
    for dim in spec.dynamic:
        shape[dim.axis] = sizes.get(dim.name, dim.high)
    return tuple(shape)
