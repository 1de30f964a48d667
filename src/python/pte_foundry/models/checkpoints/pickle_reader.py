"""Read a pickle as data: an interpreter of the instructions that torch.save writes, and of no others.

`torch.load(weights_only=True)` is not enough. It lets a file ask for uninitialised memory
(`torch.Tensor(2, 4)`), for tensors larger than their values, and for attributes on any object of an allowed
class. Here a global is a name in a table or the file is refused, a call is one of the table's, and a tensor
is a view of bytes that the file has.
"""

from __future__ import annotations

import pickletools
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from typing import IO, Any

from torch import nn

from pte_foundry.models.checkpoints.module_state import check_module_state
from pte_foundry.models.checkpoints.refusal import shown

_MOST_INSTRUCTIONS = 1_000_000
"""A state_dict of 1,000 tensors has 40,000; yolo11n.pt, with all its modules, 52,000."""
_KEYS = (str, int, float, bytes, type(None))
_PUSH = frozenset(
    {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING"}
)
_EMPTY: Mapping[str, Callable[[], object]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MARK = object()


class ForbiddenGlobal(Exception):
    """A pickle refers to `name`, which is in no table."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Function:
    """Our stand-in for a global that a pickle calls; takes exactly what it knows."""

    def __init__(self, call: Callable[..., object]) -> None:
        self.call = call


class PickleReader:
    """Reads one pickle; the objects of allowed classes get their state after all of it was read.

    Args:
        table: by dotted name, a `Function`, a class or function that is allowed, or a constant such as an
            element type.
        persistent: what a persistent id stands for.
    """

    def __init__(
        self, table: Mapping[str, object], persistent: Callable[[tuple[Any, ...]], object]
    ) -> None:
        self._table = table
        self._allowed: dict[int, object] = {
            id(one): one for one in table.values() if callable(one) or isinstance(one, Function)
        }
        self._persistent = persistent
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._made: dict[int, Any] = {}
        self._states: list[tuple[Any, Any]] = []

    def read(self, file: IO[bytes]) -> object:
        """The object that the pickle at the file's position describes.

        Raises:
            ForbiddenGlobal: for a global that is in no table.
            Exception: of other types for a pickle that is damaged or of another kind.
        """
        for number, (instruction, argument, _) in enumerate(pickletools.genops(file)):
            if number > _MOST_INSTRUCTIONS:
                raise ValueError(f"its pickle has more than {_MOST_INSTRUCTIONS} instructions")
            if instruction.name == "STOP":
                break
            self._step(instruction.name, argument)
        (result,) = self._stack
        for instance, state in self._states:
            _set_state(instance, state)
        return result

    def _step(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _PUSH:
            stack.append(argument)
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif name == "MARK":
            stack.append(_MARK)
        elif name in _TUPLES:
            stack.append(tuple(self._take(_TUPLES[name])))
        elif name == "TUPLE":
            stack.append(tuple(self._since_mark()))
        elif name in ("APPEND", "APPENDS"):
            self._extend(self._take(1) if name == "APPEND" else self._since_mark())
        elif name in ("SETITEM", "SETITEMS"):
            self._update(self._take(2) if name == "SETITEM" else self._since_mark())
        elif name == "GLOBAL":
            stack.append(self._global(argument))
        elif name == "REDUCE":
            function, arguments = self._take(2)
            stack.append(self._call(function, arguments))
        elif name == "NEWOBJ":
            cls, arguments = self._take(2)
            stack.append(self._make(cls, arguments))
        elif name == "BUILD":
            (state,) = self._take(1)
            self._build(stack[-1], state)
        elif name == "BINPERSID":
            (number,) = self._take(1)
            if not isinstance(number, tuple):
                raise ValueError("a persistent id is not a tuple")
            stack.append(self._persistent(number))
        elif name != "PROTO":
            raise ValueError(
                f"its pickle has the instruction {name}, which torch.save does not write"
            )

    def _take(self, count: int) -> list[Any]:
        taken = self._stack[-count:]
        if len(taken) < count or any(one is _MARK for one in taken):
            raise ValueError("its pickle takes more than it put down")
        del self._stack[-count:]
        return taken

    def _since_mark(self) -> list[Any]:
        for place in range(len(self._stack) - 1, -1, -1):
            if self._stack[place] is _MARK:
                taken = self._stack[place + 1 :]
                del self._stack[place:]
                return taken
        raise ValueError("its pickle takes more than it put down")

    def _extend(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise TypeError(f"its pickle appends to a {type(target).__name__}")
        target.extend(values)

    def _update(self, flat: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) not in (dict, OrderedDict, Counter):
            raise TypeError(f"its pickle sets an item of a {type(target).__name__}")
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            # A nested tuple is hashed recursively in C, without a limit.
            if not isinstance(key, _KEYS):
                raise TypeError(f"a key of a dict is a {type(key).__name__}")
            target[key] = value

    def _global(self, argument: str) -> object:
        # pickletools joins the two lines of the instruction by a space.
        name = argument.replace(" ", ".", 1)
        if name.startswith("__builtin__."):
            name = "builtins" + name.removeprefix("__builtin__")
        if name not in self._table:
            raise ForbiddenGlobal(name.removeprefix("builtins."))
        return self._table[name]

    def _call(self, function: Any, arguments: Any) -> object:
        if id(function) not in self._allowed or type(arguments) is not tuple:
            raise ValueError(f"its pickle calls a {type(function).__name__}")
        if isinstance(function, Function):
            return function.call(*arguments)
        if _is_module(function):
            # torch.save writes no such call: a module's constructor never runs.
            raise ValueError(f"its pickle calls the class {function.__name__}")
        made = function(*arguments)
        self._made[id(made)] = made
        return made

    def _make(self, cls: Any, arguments: Any) -> object:
        if (
            id(cls) not in self._allowed
            or not isinstance(cls, type)
            or type(arguments) is not tuple
        ):
            raise ValueError("its pickle makes an object of a class that is not allowed")
        if _is_module(cls) and arguments:
            raise ValueError(f"its pickle makes a {cls.__name__} with arguments")
        made = cls.__new__(cls, *arguments)
        self._made[id(made)] = made
        return made

    def _build(self, instance: Any, state: Any) -> None:
        if type(instance) is OrderedDict:
            return  # `_metadata` of a state_dict: versions of modules, which nothing here reads.
        if id(instance) not in self._made:
            raise ValueError(f"its pickle sets attributes of a {type(instance).__name__}")
        if _is_module(type(instance)):
            check_module_state(type(instance), state)
        self._states.append((instance, state))


def _is_module(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, nn.Module)


def _set_state(instance: Any, state: Any) -> None:
    if hasattr(instance, "__setstate__"):
        instance.__setstate__(state)
        return
    if not isinstance(state, dict) or not hasattr(instance, "__dict__"):
        raise TypeError(
            f"the state of a pickled {type(instance).__name__} is not a dict of attributes"
        )
    for name in state:
        if not isinstance(name, str) or hasattr(type(instance), name):
            raise ValueError(f"it sets {shown(name)} of a {type(instance).__name__}")
    instance.__dict__.update(state)


class InertRecord:
    """Attributes of a pickled object whose class is not run."""

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
            raise TypeError(
                f"the state of a pickled {type(self).__name__} is not a dict of attributes"
            )
        self.__dict__.update(state)


def record_class(module: str, name: str) -> Callable[..., object]:
    """A class of records that a pickle finds as `module.name`; it takes no arguments."""
    return type(name, (InertRecord,), {"__module__": module, "__qualname__": name})
