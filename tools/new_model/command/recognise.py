"""Which form a checkpoint has, by its content. Nothing of it is loaded or run."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from new_model.command.contents import Taken, take, tensors_of, values_bytes
from new_model.command.outline import TensorOutline, is_module, read_outline
from new_model.command.ultralytics import Trained, read_trained
from pin_weights.command.checkpoint_file import ZIP, check_checkpoint_file, safetensors_entries
from pte_foundry.models.checkpoints.archive import open_archive
from pte_foundry.models.checkpoints.legacy_file import START
from pte_foundry.models.checkpoints.pickle_reader import InertRecord
from pte_foundry.models.checkpoints.refusal import shown
from workspace.errors import ToolError

# What open_archive and zipfile raise.
_UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, ValueError)
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
# Of a pickled module: its set of buffers that are not saved.
_SETS = ("builtins.set", "__builtin__.set")
# Safetensors' names of types.
_TYPES = {
    **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
    **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    **{"BF16": "bfloat16", "BOOL": "bool", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"},
}


class Form(Enum):
    """What a checkpoint is; the suffix that its copy gets."""

    TORCHSCRIPT = "TorchScript"
    EXPORTED = "exported program"
    STATE_DICT = "state_dict"
    SAFETENSORS = "safetensors"
    PICKLED = "pickled module"
    ULTRALYTICS = "checkpoint of ultralytics"

    @property
    def suffix(self) -> str:
        return {
            Form.EXPORTED: ".pt2",
            Form.STATE_DICT: ".pth",
            Form.SAFETENSORS: ".safetensors",
        }.get(self, ".pt")


@dataclass(frozen=True)
class Recognised:
    """A checkpoint's form.

    Attributes:
        data_bytes: of its tensors; of a state_dict, those that are taken.
        classes: dotted names that its pickle refers to beyond tensors and containers; sorted. Of a pickled
            module, those to be allowed; beside a state_dict, those that become inert records.
        taken: the state_dict, where the file holds values only.
        trained: the model of a checkpoint of ultralytics.
    """

    form: Form
    data_bytes: int
    classes: tuple[str, ...] = ()
    taken: Taken | None = field(default=None, compare=False)
    trained: Trained | None = field(default=None, compare=False)


def recognise(path: Path, key: str | None = None, values_only: bool = False) -> Recognised:
    """Look at a file that `check_checkpoint_file` takes.

    Args:
        key: where in the file the state_dict is; see `contents.take`.
        values_only: take a pickled module for the state_dict that it contains.

    Raises:
        ToolError: for what it is not, or what is damaged.
    """
    check_checkpoint_file(path)
    name = shown(path, 200)
    with path.open("rb") as file:
        start = file.read(len(START))
    if start[:4] == ZIP:
        found = _archive(path, name)
        if found is not None:
            if key is not None or values_only:
                raise ToolError(
                    f"{name}: --key and --values-only are for state_dicts; this is of another form: "
                    f"{found.form.value}"
                )
            return found
    elif start[8:9] == b"{":
        return _safetensors(path, name, key)
    elif start != START:
        raise ToolError(f"{name}: {_other(start)}")
    return _saved(path, name, key, values_only)


def _other(start: bytes) -> str:
    if start[:2] in _PICKLES:
        return (
            "a bare pickle, as pickle.dump writes it. It is not loaded, as that could run code from the file. If you "
            "trust it, load it where it was written, and save its state_dict with torch.save(model.state_dict(), ...)"
        )
    return (
        "neither TorchScript, nor a .pt2, nor safetensors, nor what torch.save writes. Save the model in one of these "
        "forms"
    )


def _archive(path: Path, name: str) -> Recognised | None:
    """TorchScript or an exported program; None for what torch.save writes."""
    try:
        with open_archive(path) as archive:
            sizes = archive.sizes
    except _UNREADABLE as error:
        raise ToolError(f"{name}: cannot be read ({error}). Fetch it again") from None
    if "models/model.json" in sizes:
        return Recognised(Form.EXPORTED, _below(sizes, "data/weights/", "data/constants/"))
    if "constants.pkl" in sizes and any(entry.startswith("code/") for entry in sizes):
        return Recognised(Form.TORCHSCRIPT, _below(sizes, "data/", "constants/"))
    if "data.pkl" not in sizes:
        raise ToolError(
            f"{name}: a zip archive, and none of torch's: it has neither code/, models/model.json nor data.pkl"
        )
    return None


def _below(sizes: Mapping[str, int], *folders: str) -> int:
    return sum(size for name, size in sizes.items() if name.startswith(folders))


def _saved(path: Path, name: str, key: str | None, values_only: bool) -> Recognised:
    """What torch.save writes: by its top-level object, a pickled module or something with a state_dict in it."""
    outline = read_outline(path)
    classes = tuple(sorted(outline.unknown - {*_SETS}))
    content, chosen = outline.content, key is not None or values_only
    if not chosen and (trained := read_trained(path, outline)) is not None:
        size = values_bytes(tensors_of(trained.model) or {})
        return Recognised(Form.ULTRALYTICS, size, classes, trained=trained)
    if isinstance(content, InertRecord) and not chosen:
        if not is_module(content):
            raise ToolError(
                f"{name}: it holds a {shown(type(content).__name__)}, which is neither a state_dict nor a module. "
                "Save the model's values, torch.save(model.state_dict(), ...)"
            )
        return Recognised(Form.PICKLED, values_bytes(tensors_of(content) or {}), classes)
    taken = take(name, content, key)
    return Recognised(Form.STATE_DICT, values_bytes(taken.tensors), classes, taken)


def _safetensors(path: Path, name: str, key: str | None) -> Recognised:
    if key is not None:
        raise ToolError(
            f"{name}: --key is for files of torch.save; a safetensors file has no keys but its tensors'"
        )
    try:
        tensors = {
            tensor: TensorOutline(
                _TYPES.get(one["dtype"], str(one["dtype"])), tuple(one["shape"]), (tensor, 0)
            )
            for tensor, one in safetensors_entries(path, name).items()
        }
        size = sum(one.values_bytes for one in tensors.values())
    except (KeyError, TypeError, ValueError) as error:
        raise ToolError(f"{name}: no safetensors header ({shown(error)}). Fetch it again") from None
    if not tensors:
        raise ToolError(f"{name}: a safetensors file without any tensor. Save the model again")
    return Recognised(Form.SAFETENSORS, size, (), Taken(None, tensors))
