"""The declared type of one tensor: name, element type and static shape (standard library only)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pte_foundry.errors import PteError

DTYPES = (
    "bool",
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
)
"""Element types that a `.pte` of ours may take, by their PyTorch names."""

_GRAMMAR = re.compile(r"(?P<dtype>[a-z]+[0-9]*)\[(?P<dims>[0-9,]*)\]", re.ASCII)
_MAX_ELEMENTS = 2**31 - 1


@dataclass(frozen=True)
class TensorSpec:
    """A tensor of static shape.

    Attributes:
        name: the input's name in the BUILD file and in reports.
        dtype: one of `DTYPES`.
        shape: positive dimensions, outermost first; empty for a scalar tensor.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype}[{','.join(map(str, self.shape))}]"


def parse_tensor_spec(name: str, text: str) -> TensorSpec:
    """Parse the BUILD files' grammar `dtype[dim,dim,...]`, e.g. `float32[1,3,224,224]`.

    Raises:
        PteError: `bad-input-shape` if the text does not follow the grammar, the element type is
            unknown, a dimension is not positive, or the tensor has 2**31 elements or more.
    """

    def wrong(why: str) -> PteError:
        return PteError(
            "bad-input-shape",
            f"input {name!r} is declared as {text!r}: {why}. "
            "Write it as dtype[dim,dim,...], for example float32[1,3,224,224]",
        )

    match = _GRAMMAR.fullmatch(text)
    if match is None:
        raise wrong("it does not follow the grammar")
    dtype, dims = match["dtype"], match["dims"]
    if dtype not in DTYPES:
        raise wrong(f"{dtype!r} is not one of {', '.join(DTYPES)}")
    fields = dims.split(",") if dims else []
    if "" in fields:
        raise wrong("a dimension is empty")
    if any(len(field) > 10 for field in fields):
        raise wrong("a dimension is too large")
    shape = tuple(int(field) for field in fields)
    if 0 in shape:
        raise wrong("dimensions are positive")
    elements = 1
    for dim in shape:
        elements *= dim
    if elements > _MAX_ELEMENTS:
        raise wrong("it has 2**31 elements or more")
    return TensorSpec(name, dtype, shape)
