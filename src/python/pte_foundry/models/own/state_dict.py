"""Checkpoints that have a state_dict, as training scripts write them; for builders in Python."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from pte_foundry.models.checkpoints.pickle_reader import InertRecord
from pte_foundry.models.checkpoints.pickled_values import state_of_record
from pte_foundry.models.checkpoints.refusal import Unfit, shown

_ENVELOPES = ("state_dict", "model_state_dict", "model")


def plain_state_dict(
    content: object, key: str | None = None, prefix: str = ""
) -> Mapping[str, Tensor]:
    """The state_dict in a checkpoint, with the names that it has there.

    For `ModelDefinition.adapt_checkpoint`. `apply_state` takes the prefixes of wrappers off.

    Args:
        content: what `load_checkpoint` returned. Of a pickled module that was read as records, the values.
        key: where the state_dict is, such as `state_dict_ema`, or `ema/model` where dicts are nested. If left
            out, it is the content itself or what is under the first of `state_dict`, `model_state_dict`, `model`.
        prefix: of the names to take; the others are left out.

    Raises:
        TypeError, ValueError: for anything else; the message says what is there.
    """
    found = _at(content, key) if key is not None else _usual(content)
    if isinstance(found, InertRecord):
        found = state_of_record(found)
    if not isinstance(found, Mapping) or not _is_state(found):
        raise TypeError(f"expected a state_dict{_place(key)}, found {_described(found)}")
    if not prefix:
        return found
    chosen = OrderedDict(
        (name.removeprefix(prefix), value)
        for name, value in found.items()
        if name.startswith(prefix)
    )
    if not chosen:
        raise Unfit(f"no name of its state_dict begins with {shown(prefix)!r}. Correct `prefix`")
    return chosen


def _usual(content: object) -> Any:
    if isinstance(content, Mapping) and not _is_state(content):
        return next((content[key] for key in _ENVELOPES if key in content), content)
    return content


def _at(content: object, key: str) -> Any:
    found = content
    for part in key.split("/"):
        if not isinstance(found, Mapping) or part not in found:
            keys = (
                ", ".join(shown(one, 30) for one in list(found)[:10])
                if isinstance(found, Mapping)
                else ""
            )
            raise Unfit(
                f"it has no {shown(key)}; {f'its keys are {keys}' if keys else f'it is {_described(found)}'}. "
                "Correct `key` in the builder"
            )
        found = found[part]
    return found


def _place(key: str | None) -> str:
    return "" if key is None else f" under {shown(key)}"


def _described(content: object) -> str:
    if not isinstance(content, Mapping):
        return f"a {type(content).__name__} of other things"
    other = [f"{shown(key, 30)} ({type(value).__name__})" for key, value in content.items()]
    return f"a {type(content).__name__} of other things: {', '.join(other[:5]) or 'nothing'}"


def _is_state(content: Mapping[object, object]) -> bool:
    return bool(content) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    )
