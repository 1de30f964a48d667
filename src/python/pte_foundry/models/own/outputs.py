"""What a model returns, flattened and named: tensors, tuples, dicts and dataclasses of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pte_foundry.errors import PteError


def register_dataclasses(value: object) -> None:
    """Let torch.export flatten the dataclasses in `value`, field by field."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if type(value) not in pytree.SUPPORTED_NODES:
            torch.export.register_dataclass(
                type(value),
                serialized_type_name=f"{type(value).__module__}.{type(value).__qualname__}",
            )
        for field in dataclasses.fields(value):
            register_dataclasses(getattr(value, field.name))
    elif isinstance(value, dict):
        for one in value.values():
            register_dataclasses(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            register_dataclasses(one)


def output_names(model: str, returned: object, declared: Sequence[str]) -> tuple[str, ...]:
    """A name for each tensor that a model returned, in the order in which torch.export flattens them.

    Args:
        model: its name, for messages.
        returned: by one forward; its dataclasses are registered.
        declared: wins; if it is empty, the names are the keys of dicts and the fields of dataclasses,
            joined by dots, the places in tuples, and `output` for a single tensor.

    Raises:
        PteError: `bad-builder` for a value that is not a tensor, and for a wrong number of names.
    """
    flat, _ = pytree.tree_flatten_with_path(returned)
    names = [".".join(key_text(key) for key in path) or "output" for path, _ in flat]
    for name, (_, value) in zip(names, flat):
        if not isinstance(value, Tensor):
            raise PteError(
                "bad-builder",
                f"model {model!r} returns a {type(value).__name__} as {name!r}: a program's outputs are "
                "tensors. Leave it out, or return a tensor",
            )
    if not declared:
        return tuple(f"output_{name}" if name.isdigit() else name for name in names)
    if len(declared) != len(names) or len(set(declared)) != len(declared):
        raise PteError(
            "bad-builder",
            f"model {model!r} returns {len(names)} tensors ({', '.join(names)}), and `outputs` names "
            f"{list(declared)}. Name each of them once",
        )
    return tuple(declared)


def key_text(key: object) -> str:
    """One step of a path of torch's pytrees: a key, a field or a place."""
    for attribute in ("key", "name", "idx"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)
