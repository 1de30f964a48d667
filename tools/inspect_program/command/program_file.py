"""What is in a `.pte` file, of whatever version of ExecuTorch, read from the file alone.

Format: schema/program.fbs and schema/extended_header.h of ExecuTorch.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from inspect_program.command.flat_tables import Buffer, NotReadable, Table, root_table

_T = TypeVar("_T")

_IDENTIFIER = b"ET12"
_HEADER = b"eh00"
_HEADER_AT = 8
_MOST_METHODS = 256
# Names of `ScalarType` in schema/scalar_type.fbs, as PyTorch has them.
_DTYPES = {
    0: "uint8",
    1: "int8",
    2: "int16",
    3: "int32",
    4: "int64",
    5: "float16",
    6: "float32",
    7: "float64",
    11: "bool",
    12: "qint8",
    13: "quint8",
    14: "qint32",
    15: "bfloat16",
    16: "quint4x2",
    17: "quint2x4",
    22: "bits16",
    23: "float8_e5m2",
    24: "float8_e4m3fn",
    25: "float8_e5m2fnuz",
    26: "float8_e4m3fnuz",
    27: "uint16",
    28: "uint32",
    29: "uint64",
}
# Kinds of the union `KernelTypes`.
_NULL, _INT, _BOOL, _DOUBLE, _TENSOR, _STRING, _INTS, _DOUBLES, _BOOLS, _TENSORS, _OPTIONALS = (
    range(1, 12)
)
_LISTS = {_TENSORS: "list of tensors", _OPTIONALS: "list of optional tensors"}
_KERNEL_CALL, _DELEGATE_CALL = 1, 2


@dataclass(frozen=True)
class Value:
    """An input or output of a method.

    Attributes:
        text: e.g. `float32[1,3,224,224]`; of a constant its value.
        dynamic: whether the sizes are upper bounds.
    """

    text: str
    dynamic: bool = False


@dataclass(frozen=True)
class Delegate:
    """Attributes:
    calls: of all parts of the graph that the delegate of this name has.
    payload_bytes: what it gets at load time. options: its compile specs, as text.
    """

    name: str
    calls: int
    payload_bytes: int
    options: Mapping[str, str]


@dataclass(frozen=True)
class Method:
    """Attributes:
    planned_bytes: memory for intermediate results that the program asks for, without what delegates allocate.
    operators: name to the number of calls, of what runs in ExecuTorch's own kernels.
    """

    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    planned_bytes: int
    delegates: tuple[Delegate, ...]
    operators: Mapping[str, int]

    @property
    def constant(self) -> str | None:
        """Its result, if it computes nothing; None otherwise."""
        if self.inputs or self.delegates or self.operators or not self.outputs:
            return None
        return ", ".join(value.text for value in self.outputs)


@dataclass(frozen=True)
class ProgramFile:
    """Attributes:
    schema_version: of ExecuTorch's format.
    constant_bytes: of the constants that methods use outside of delegates.
    external: names of tensors whose data is in another file (`.ptd`).
    named_data: what delegates share, key to bytes.
    """

    size: int
    schema_version: int
    methods: tuple[Method, ...]
    constant_bytes: int
    external: tuple[str, ...]
    named_data: Mapping[str, int]


def read_program(data: Buffer) -> ProgramFile:
    """Read a whole `.pte` file.

    Raises:
        NotReadable: the bytes are not one, or are damaged.
    """
    program = root_table(data, _IDENTIFIER)
    base = _segment_base(data)
    segments = [(each.number(0, "Q"), each.number(1, "Q")) for each in program.tables(4)]
    for offset, size in segments:
        if base is None or base + offset + size > len(data):
            raise NotReadable("a segment lies beyond the end of the file, which may have been cut")
    plans = program.tables(1)
    if not 0 < len(plans) <= _MOST_METHODS:
        raise NotReadable(f"it has {len(plans)} methods")
    inline = program.tables(3)
    sizes = [size for _, size in segments]
    return ProgramFile(
        size=len(data),
        schema_version=program.number(0, "I"),
        methods=tuple(_method(plan, inline, sizes) for plan in plans),
        constant_bytes=_constant_bytes(program, sizes),
        external=tuple(dict.fromkeys(name for plan in plans for name in _external(plan))),
        named_data={
            each.text(0): _item(sizes, each.number(1, "I"), "a segment")
            for each in program.tables(7)
        },
    )


def _segment_base(data: Buffer) -> int | None:
    """Where segments begin; None if the file has none."""
    if bytes(data[_HEADER_AT : _HEADER_AT + 4]) != _HEADER or len(data) < _HEADER_AT + 24:
        return None
    base: int = struct.unpack_from("<Q", data, _HEADER_AT + 16)[0]
    return base or None


def _constant_bytes(program: Table, sizes: Sequence[int]) -> int:
    stored = sum(buffer.length(0, 1) for buffer in program.tables(2))
    constants = program.table(5)
    if constants is not None and constants.length(1, 8):
        stored += _item(sizes, constants.number(0, "I"), "a segment")
    return stored


def _method(plan: Table, inline: Sequence[Table], sizes: Sequence[int]) -> Method:
    values = plan.tables(2)
    operators = plan.tables(6)
    delegates = plan.tables(7)
    kernels: Counter[str] = Counter()
    calls: Counter[int] = Counter()
    for chain in plan.tables(5):
        for instruction in chain.tables(2):
            kind, call = instruction.number(0, "B"), instruction.table(1)
            if call is None:
                continue
            if kind == _KERNEL_CALL:
                operator = _item(operators, call.number(0, "i"), "an operator")
                kernels[".".join(filter(None, (operator.text(0), operator.text(1))))] += 1
            elif kind == _DELEGATE_CALL:
                calls[call.number(0, "i")] += 1
    return Method(
        name=plan.text(0),
        inputs=tuple(_value(_item(values, each, "a value")) for each in plan.numbers(3, "i")),
        outputs=tuple(_value(_item(values, each, "a value")) for each in plan.numbers(4, "i")),
        # The first one is never used.
        planned_bytes=sum(plan.numbers(8, "q")[1:]),
        delegates=_delegates(delegates, calls, inline, sizes),
        operators=dict(sorted(kernels.items(), key=lambda item: (-item[1], item[0]))),
    )


def _delegates(
    delegates: Sequence[Table], calls: Counter[int], inline: Sequence[Table], sizes: Sequence[int]
) -> tuple[Delegate, ...]:
    """Those of the same name together."""
    found: dict[str, Delegate] = {}
    for index, delegate in enumerate(delegates):
        name = delegate.text(0)
        before = found.get(name, Delegate(name, 0, 0, {}))
        payload = 0
        if (place := delegate.table(1)) is not None:
            where = place.number(1, "I")
            if place.number(0, "b"):
                payload = _item(sizes, where, "a segment")
            else:
                payload = _item(inline, where, "a payload").length(0, 1)
        options = {each.text(0): _option(each.content(1)) for each in delegate.tables(2)}
        found[name] = Delegate(
            name,
            before.calls + calls[index],
            before.payload_bytes + payload,
            {**before.options, **options},
        )
    return tuple(found.values())


def _option(value: bytes) -> str:
    """A compile spec as text, where it is one or a small number; its size otherwise."""
    text = value.decode("ascii", "replace")
    if text and text.isprintable() and "\ufffd" not in text:
        return text
    if len(value) in (1, 2, 4, 8):
        return str(int.from_bytes(value, "little"))
    return f"{len(value)} bytes"


def _value(value: Table) -> Value:
    kind, content = value.number(0, "B"), value.table(1)
    if content is None or kind == _NULL:
        return Value("None")
    if kind == _TENSOR:
        return _tensor(content)
    if kind == _INT:
        return Value(str(content.number(0, "q")))
    if kind == _BOOL:
        return Value(str(bool(content.number(0, "?"))))
    if kind == _DOUBLE:
        return Value(repr(content.real(0)))
    if kind == _STRING:
        return Value(content.text(0))
    if kind == _INTS:
        # Places of values, since some may be symbols.
        return Value(f"list of {content.length(0, 8)} integers")
    if kind == _DOUBLES:
        return Value(str(list(content.reals(0))))
    if kind == _BOOLS:
        return Value(str([bool(each) for each in content.numbers(0, "?")]))
    return Value(_LISTS.get(kind, f"a value of kind {kind}"))


def _tensor(tensor: Table) -> Value:
    number = tensor.number(0, "b")
    dtype = _DTYPES.get(number, f"dtype {number}")
    sizes = tensor.numbers(2, "i")
    dynamic = tensor.number(8, "b") != 0
    text = f"{dtype}[{','.join(map(str, sizes))}]"
    return Value(text, dynamic)


def _external(plan: Table) -> list[str]:
    found = []
    for value in plan.tables(2):
        if value.number(0, "B") != _TENSOR or (tensor := value.table(1)) is None:
            continue
        extra = tensor.table(9)
        if extra is not None and extra.number(2, "b") == 1:
            found.append(extra.text(1))
    return found


def _item(items: Sequence[_T], index: int, what: str) -> _T:
    if not 0 <= index < len(items):
        raise NotReadable(f"it refers to {what} {index} of {len(items)}")
    return items[index]
