"""Read a pickle as data: an interpreter of the instructions that torch.save writes, and of no others.

`torch.load(weights_only=True)` is not enough. It lets a file ask for uninitialised memory
(`torch.Tensor(2, 4)`), for tensors larger than their values, and for attributes on any object of an allowed
class. Here a global is a name in a table or the file is refused, a call is one of the table's, and a tensor
is a view of bytes that the file has. Where only the values matter, other globals may become inert records:
nothing is imported, called or looked up by their names.

This module needs no torch, so that the commands can look into checkpoints too.
"""

from __future__ import annotations

import pickletools
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

from pte_foundry.models.checkpoints.refusal import shown

_MOST_INSTRUCTIONS = 1_000_000
"""A state_dict of 1,000 tensors has 40,000; yolo11n.pt, with all its modules, 52,000."""
_KEYS = (str, int, float, bytes, type(None))
_PLAIN = (str, int, float)
_PUSH = frozenset(
    """
    BININT BININT1 BININT2 LONG1 BINFLOAT BINUNICODE SHORT_BINSTRING SHORT_BINUNICODE BINUNICODE8 BINBYTES
    SHORT_BINBYTES BINBYTES8 BYTEARRAY8
    """.split()
)
_NOTHING = frozenset({"PROTO", "FRAME"})
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


@dataclass(frozen=True)
class Modules:
    """The modules among the classes of a table: no constructor of theirs runs.

    Attributes:
        base: the class of all modules.
        check: takes a module's class and what the pickle would set on the module; raises to refuse it.
    """

    base: type
    check: Callable[[type[Any], object], None]


class PickleReader:
    """Reads one pickle; the objects of allowed classes get their state after all of it was read.

    Args:
        table: by dotted name, a `Function`, a class of records, a constant such as an element type, or, with
            `modules`, another class or function that is allowed.
        persistent: what a persistent id stands for.
        modules: without it, nothing of the table is called but functions and records.
        unknown_as_records: a global that is in no table is an `UnknownRecord`, not a `ForbiddenGlobal`.
    """

    def __init__(
        self,
        table: Mapping[str, object],
        persistent: Callable[[tuple[Any, ...]], object],
        modules: Modules | None = None,
        unknown_as_records: bool = False,
    ) -> None:
        self._modules = modules
        self._unknown: dict[str, object] | None = {} if unknown_as_records else None
        self._table = table
        self._allowed: dict[int, object] = {
            id(one): one for one in table.values() if callable(one) or isinstance(one, Function)
        }
        self._persistent = persistent
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._made: dict[int, Any] = {}
        self._states: list[tuple[Any, Any]] = []

    @property
    def unknown(self) -> frozenset[str]:
        """Dotted names of the globals that became records, so far."""
        return frozenset(self._unknown or ())

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
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
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
        elif name == "ADDITEMS":
            self._add(self._since_mark())
        elif name == "FROZENSET":
            stack.append(frozenset(_plain(self._since_mark())))
        elif name == "GLOBAL":
            # pickletools joins the two lines of the instruction by a space.
            stack.append(self._global(argument.replace(" ", ".", 1)))
        elif name == "STACK_GLOBAL":
            stack.append(self._global(".".join(self._take(2))))
        elif name == "REDUCE":
            function, arguments = self._take(2)
            stack.append(self._call(function, arguments))
        elif name in ("NEWOBJ", "NEWOBJ_EX"):
            cls, arguments, *keywords = self._take(2 if name == "NEWOBJ" else 3)
            stack.append(self._make(cls, arguments, keywords != [] and keywords != [{}]))
        elif name == "BUILD":
            (state,) = self._take(1)
            self._build(stack[-1], state)
        elif name == "BINPERSID":
            (number,) = self._take(1)
            if not isinstance(number, tuple):
                raise ValueError("a persistent id is not a tuple")
            stack.append(self._persistent(number))
        elif name not in _NOTHING:
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
        if isinstance(target, UnknownRecord):
            return
        if not isinstance(target, list):
            raise TypeError(f"its pickle appends to a {type(target).__name__}")
        target.extend(values)

    def _add(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, UnknownRecord):
            return
        if not isinstance(target, set):
            raise TypeError(f"its pickle adds to a {type(target).__name__}")
        target.update(_plain(values))

    def _update(self, flat: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, UnknownRecord):
            return
        if type(target) not in (dict, OrderedDict, Counter):
            raise TypeError(f"its pickle sets an item of a {type(target).__name__}")
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            # A nested tuple is hashed recursively in C, without a limit.
            if isinstance(key, _KEYS):
                target[key] = value
            elif self._unknown is None:
                raise TypeError(f"a key of a dict is a {type(key).__name__}")

    def _global(self, name: str) -> object:
        if name.startswith("__builtin__."):
            name = "builtins" + name.removeprefix("__builtin__")
        if name in self._table:
            return self._table[name]
        if self._unknown is None:
            raise ForbiddenGlobal(name.removeprefix("builtins."))
        if name not in self._unknown:
            module, _, own_name = name.rpartition(".")
            self._unknown[name] = record_class(module, own_name, UnknownRecord)
        return self._unknown[name]

    def _call(self, function: Any, arguments: Any) -> object:
        if type(arguments) is tuple and _is_unknown(function):
            return function()
        if id(function) not in self._allowed or type(arguments) is not tuple:
            raise ValueError(f"its pickle calls a {type(function).__name__}")
        if isinstance(function, Function):
            return function.call(*arguments)
        self._check_class(function)
        if self._is_module(function):
            # torch.save writes no such call: a module's constructor never runs.
            raise ValueError(f"its pickle calls the class {function.__name__}")
        made = function(*arguments)
        self._made[id(made)] = made
        return made

    def _make(self, cls: Any, arguments: Any, keywords: bool) -> object:
        if type(arguments) is tuple and _is_unknown(cls):
            return cls()
        if (
            id(cls) not in self._allowed
            or not isinstance(cls, type)
            or type(arguments) is not tuple
            or keywords
        ):
            raise ValueError("its pickle makes an object of a class that is not allowed")
        self._check_class(cls)
        if self._is_module(cls) and arguments:
            raise ValueError(f"its pickle makes a {cls.__name__} with arguments")
        made = cls.__new__(cls, *arguments)
        self._made[id(made)] = made
        return made

    def _build(self, instance: Any, state: Any) -> None:
        if isinstance(instance, UnknownRecord):
            self._states.append((instance, state))
            return
        if type(instance) is OrderedDict:
            # Of a state_dict: versions of modules, which `values.apply_state` reads.
            if isinstance(state, dict) and isinstance(state.get("_metadata"), dict):
                vars(instance)["_metadata"] = state["_metadata"]
            return
        if id(instance) not in self._made:
            raise ValueError(f"its pickle sets attributes of a {type(instance).__name__}")
        if self._modules is not None and self._is_module(type(instance)):
            self._modules.check(type(instance), state)
        self._states.append((instance, state))

    def _check_class(self, found: Any) -> None:
        record = isinstance(found, type) and issubclass(found, InertRecord)
        if self._modules is None and not record:
            raise ValueError(f"its pickle calls a {type(found).__name__}")

    def _is_module(self, cls: Any) -> bool:
        return (
            self._modules is not None
            and isinstance(cls, type)
            and issubclass(cls, self._modules.base)
        )


def _is_unknown(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, UnknownRecord)


def _plain(values: list[Any]) -> list[Any]:
    """For a set. A nested tuple is hashed recursively in C, without a limit."""
    if not all(isinstance(one, _PLAIN) for one in values):
        raise TypeError("a set has something other than text and numbers")
    return values


def _set_state(instance: Any, state: Any) -> None:
    # Of the class: an earlier state may have put something else of that name on the instance.
    set_state = getattr(type(instance), "__setstate__", None)
    if set_state is not None:
        set_state(instance, state)
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


class UnknownRecord(InertRecord):
    """What a pickle made by a global that nobody allowed: its attributes, if it has any; no arguments of calls."""

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict) and all(isinstance(key, str) for key in state):
            self.__dict__.update(state)


def record_class(
    module: str, name: str, base: type[InertRecord] = InertRecord
) -> Callable[..., object]:
    """A class of records that a pickle finds as `module.name`; it takes no arguments."""
    return type(name, (base,), {"__module__": module, "__qualname__": name})
