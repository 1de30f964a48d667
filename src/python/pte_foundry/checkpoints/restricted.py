"""Read a checkpoint without giving it the power to run code, and load it into a module strictly."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError

_SHOWN = 5
# The two sentences of torch/_weights_only_unpickler.py (torch 2.13) for a global that it refuses.
_FORBIDDEN_GLOBAL = re.compile(
    r"nsupported (?:global: )?GLOBAL (.+?) (?:was not an allowed|whose module)"
)
_UNPICKLER_REASON = re.compile(r"WeightsUnpickler error:\s*(.+)")


def load_checkpoint(
    path: Path,
    allowed_globals: Sequence[Callable[..., object]],
    where_allowed: str = "`checkpoint_globals` of the model's builder",
) -> object:
    """Content of a checkpoint: a dict of tensors for `.safetensors`, else what the pickle holds.

    Pickles go through `torch.load(weights_only=True)`, which runs nothing but its own small list of
    constructors and `allowed_globals`. Tensors are on the CPU.

    Args:
        where_allowed: the place where a person allows another one, for messages.

    Raises:
        PteError: `bad-checkpoint` if the file is absent, truncated or of another format;
            `forbidden-pickle` if it refers to a global that is not allowed.
    """
    if not path.is_file():
        raise PteError(
            "bad-checkpoint",
            f"{path.name}: no such file. Check the `file` of the model's weights target",
        )
    if path.suffix == ".safetensors":
        return _load_safetensors(path)
    try:
        with torch.serialization.safe_globals(list(allowed_globals)):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # Damaged archives end in RuntimeError, EOFError, UnpicklingError, KeyError, struct.error
        # and more, by where the damage is; none of them is a fault of this program.
        forbidden = _FORBIDDEN_GLOBAL.search(str(error))
        if forbidden is not None:
            raise PteError(
                "forbidden-pickle",
                f"{path.name}: its pickle refers to {forbidden[1]}, which is not allowed: "
                "loading it could run code from the file. If you trust that class, add it to "
                f"{where_allowed}; else use a state_dict or a .safetensors file",
            ) from error
        raise _unreadable(path, error) from error


def apply_state(
    module: nn.Module, state: Mapping[str, Tensor], origin: str = "the checkpoint"
) -> None:
    """Load `state` into `module`: the same names and shapes on both sides, nothing left over.

    Args:
        origin: name of the checkpoint, for messages.

    Raises:
        PteError: `bad-checkpoint` naming the first keys that are missing, unexpected, of another
            shape, or not numbers. The module is untouched then.
    """
    expected = module.state_dict()
    missing = [key for key in expected if key not in state]
    unexpected = [key for key in state if key not in expected]
    wrong = [
        f"{key} {_shape(state[key])} instead of {list(tensor.shape)}"
        for key, tensor in expected.items()
        if key in state and _shape(state[key]) != list(tensor.shape)
    ]
    problems = [
        f"{len(keys)} {what}: {', '.join(map(str, keys[:_SHOWN]))}{', ...' * (len(keys) > _SHOWN)}"
        for what, keys in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of a wrong shape", wrong),
        )
        if keys
    ]
    not_finite = [
        key
        for key, value in state.items()
        if isinstance(value, Tensor) and value.is_floating_point() and not value.isfinite().all()
    ]
    if not_finite:
        problems.append(f"{len(not_finite)} with NaN or infinity: {', '.join(not_finite[:_SHOWN])}")
    if problems:
        raise PteError(
            "bad-checkpoint",
            f"{origin} does not fit the model: {'; '.join(problems)}. "
            "Check that the file is this model's checkpoint",
        )
    module.load_state_dict(dict(state), strict=True)


def _shape(value: object) -> list[int] | str:
    return list(value.shape) if isinstance(value, Tensor) else f"({type(value).__name__})"


def _load_safetensors(path: Path) -> object:
    try:
        from safetensors.torch import load_file
    except ModuleNotFoundError as error:
        raise PteError(
            "bad-checkpoint",
            f"{path.name}: reading it needs the distribution `safetensors`, which this toolchain "
            "does not have. Add it to the lock of the model's family",
        ) from error
    try:
        return load_file(path, device="cpu")
    except Exception as error:  # SafetensorError and OSError alike mean a file that cannot be read.
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> PteError:
    # torch puts a paragraph of general advice before the reason.
    unpickler = _UNPICKLER_REASON.search(str(error))
    lines = str(error).strip().splitlines()
    reason = unpickler[1] if unpickler else lines[0] if lines else type(error).__name__
    return PteError(
        "bad-checkpoint",
        f"{path.name} ({path.stat().st_size} bytes) is no readable checkpoint: {reason[:200]}. "
        "It may be truncated: fetch it again and compare its SHA-256",
    )
