"""Checkpoints that are a state_dict, as training scripts write them; for builders in Python."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

_ENVELOPES = ("state_dict", "model_state_dict", "model")
# What torch.nn.DataParallel and torch.compile put before every name.
_PREFIXES = ("module.", "_orig_mod.")


def plain_state_dict(content: object) -> Mapping[str, Tensor]:
    """The state_dict in a checkpoint: bare or under a usual key, without the prefixes of wrappers.

    For `ModelDefinition.adapt_checkpoint`.

    Raises:
        TypeError: for anything else.
    """
    if isinstance(content, Mapping) and not _is_state(content):
        content = next((content[key] for key in _ENVELOPES if key in content), content)
    if not isinstance(content, Mapping) or not _is_state(content):
        raise TypeError(f"expected a state_dict, found a {type(content).__name__} of other things")
    state: Mapping[str, Tensor] = content
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _is_state(content: Mapping[object, object]) -> bool:
    return bool(content) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    )
