"""Which of the state_dicts in a checkpoint is taken, and what else is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from new_model.command.outline import TensorOutline, is_module
from pte_foundry.models.checkpoints.pickle_reader import InertRecord
from pte_foundry.models.checkpoints.refusal import shown
from workspace.errors import ToolError

_USUAL = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params")
"""Keys that training scripts use, the first of them first."""
_NO_VALUES = ("optim", "sched", "scaler", "rng", "ema_updates")
"""In the keys of what else scripts save: its tensors are no model's."""
_DEEPEST = 3
_MOST_MET = 10_000
_MOST_LISTED = 12


@dataclass(frozen=True)
class Taken:
    """A state_dict of a checkpoint.

    Attributes:
        key: where it is, with / between nested keys; None if it is all that the file holds.
        tensors: by name. Of a pickled module, its parameters and saved buffers.
        pickled: whether it is the values of a pickled module.
        others: keys of other state_dicts in the file, and what each holds.
    """

    key: str | None
    tensors: Mapping[str, TensorOutline]
    pickled: bool = False
    others: tuple[str, ...] = ()


def take(name: str, content: object, key: str | None) -> Taken:
    """The state_dict under `key`, or without one that which is meant.

    Args:
        name: what messages call the file.

    Raises:
        ToolError: listing the keys if there is none, or if nothing says which of several is meant.
    """
    found = dict(_states(content))
    if key is not None:
        return _under(name, content, key, found)
    if "" in found:
        return Taken(None, found[""], is_module(content))
    if not found:
        raise ToolError(
            f"{name}: what torch.save writes, but without any tensor of a state_dict in it. {_listed(content)} "
            "Save the model's values, torch.save(model.state_dict(), ...)"
        )
    usual = [where for where in _USUAL if where in found]
    if not usual and len(found) > 1:
        raise ToolError(
            f"{name}: it has several state_dicts. {_listed(content)} Say which one: "
            + ", or ".join(f"--key {shown(where)}" for where in list(found)[:4])
        )
    chosen = usual[0] if usual else next(iter(found))
    return _taken(content, chosen, found)


def summary(tensors: Mapping[str, TensorOutline]) -> str:
    """For example `122 tensors, 5.3 MB, float32`."""
    types = sorted({one.dtype for one in tensors.values()})
    size = values_bytes(tensors)
    unit = f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size} bytes"
    plural = "tensor" if len(tensors) == 1 else "tensors"
    return f"{len(tensors)} {plural}, {unit}, {' and '.join(types)}"


def values_bytes(tensors: Mapping[str, TensorOutline]) -> int:
    """Bytes of all values; those that tensors share count once."""
    return sum({one.place: one.values_bytes for one in tensors.values()}.values())


def shared(tensors: Mapping[str, TensorOutline]) -> list[tuple[str, str]]:
    """Pairs of names that are one tensor in the file."""
    first: dict[tuple[object, ...], str] = {}
    pairs = []
    for name, one in tensors.items():
        other = first.setdefault((one.place, one.shape, one.dtype), name)
        if other != name and one.values_bytes:
            pairs.append((other, name))
    return pairs


def _under(
    name: str, content: object, key: str, found: Mapping[str, Mapping[str, TensorOutline]]
) -> Taken:
    place = content
    for part in key.split("/"):
        if not isinstance(place, Mapping) or part not in place:
            raise ToolError(f"--key {shown(key)}: {name} has no such key. {_listed(content)}")
        place = place[part]
    tensors = tensors_of(place)
    if tensors is None:
        raise ToolError(
            f"--key {shown(key)}: {name} has {_described(place)} there, and no state_dict. {_listed(content)}"
        )
    return _taken(content, key, {**found, key: tensors})


def _taken(content: object, key: str, found: Mapping[str, Mapping[str, TensorOutline]]) -> Taken:
    others = tuple(
        f"{shown(where)} ({summary(tensors)})" for where, tensors in found.items() if where != key
    )
    place = content
    for part in key.split("/"):
        place = place[part]  # type: ignore[index]
    return Taken(key, found[key], is_module(place), others)


def _states(content: object) -> Iterator[tuple[str, Mapping[str, TensorOutline]]]:
    """Every state_dict and pickled module, by its keys; the content itself has the key ''."""
    waiting: list[tuple[tuple[str, ...], object]] = [((), content)]
    opened: set[int] = set()
    # What is found further on is named by --key.
    for number in range(_MOST_MET):
        if number == len(waiting):
            return
        path, value = waiting[number]
        tensors = tensors_of(value)
        if tensors is not None:
            yield "/".join(path), tensors
        elif isinstance(value, Mapping) and len(path) < _DEEPEST and id(value) not in opened:
            opened.add(id(value))
            waiting += [
                ((*path, key), one)
                for key, one in value.items()
                if isinstance(key, str)
                and "/" not in key
                and not any(word in key.lower() for word in _NO_VALUES)
            ]


def tensors_of(value: object) -> Mapping[str, TensorOutline] | None:
    """The tensors by name, if it is a state_dict or a pickled module that has any."""
    if is_module(value):
        return dict(_of_module(value)) or None
    if not isinstance(value, Mapping) or not value:
        return None
    named = all(isinstance(name, str) for name in value)
    return (
        value if named and all(isinstance(one, TensorOutline) for one in value.values()) else None
    )


def _of_module(module: object) -> Iterator[tuple[str, TensorOutline]]:
    waiting, met = [("", module)], 0
    while waiting:
        prefix, record = waiting.pop()
        met += 1
        if met > 100_000:
            raise ToolError("its modules are nested too deeply, or one holds itself")
        attributes = vars(record)
        hidden = attributes.get("_non_persistent_buffers_set", ())
        for group in ("_parameters", "_buffers"):
            for name, one in attributes[group].items():
                if isinstance(one, TensorOutline) and name not in hidden:
                    yield f"{prefix}{name}", one
        children = [(f"{prefix}{name}.", one) for name, one in attributes["_modules"].items()]
        waiting += [child for child in reversed(children) if is_module(child[1])]


def _listed(content: object) -> str:
    """What the top-level object is: its keys, and what each holds."""
    if not isinstance(content, Mapping):
        return f"The file holds {_described(content)}."
    lines = [f"{shown(key, 40)}: {_described(value)}" for key, value in content.items()]
    more = [f"and {len(lines) - _MOST_LISTED} more"] if len(lines) > _MOST_LISTED else []
    return f"Its keys: {'; '.join([*lines[:_MOST_LISTED], *more]) or 'none'}."


def _described(value: object) -> str:
    tensors = tensors_of(value)
    if is_module(value):
        return f"a pickled module, {_class(value)}, of {summary(tensors or {})}"
    if tensors is not None:
        return f"a state_dict of {summary(tensors)}"
    if isinstance(value, TensorOutline):
        return f"a tensor, {value}"
    if isinstance(value, InertRecord):
        return f"a {_class(value)}, which is not read"
    if isinstance(value, (dict, list, tuple, set)):
        return f"a {type(value).__name__} of {len(value)}"
    return shown(repr(value), 40)


def _class(value: object) -> str:
    return shown(f"{type(value).__module__}.{type(value).__name__}")
