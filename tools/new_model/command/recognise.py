"""Which form a checkpoint has, by its content. Nothing of it is loaded or run."""

from __future__ import annotations

import json
import pickletools
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pte_foundry.models.checkpoints.archive import open_archive
from workspace.errors import ToolError

# What torch.load(weights_only=True) takes without being told (torch/_weights_only_unpickler.py), as far as
# state_dicts have it.
_PLAIN = (
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "torch.Size",
    "torch.device",
)
_STORAGES = ("torch.", "torch.storage.")
# What open_archive and zipfile raise.
_UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, ValueError)
# Every pickled module has one; pickled_module.py allows it.
_SETS = ("builtins.set", "__builtin__.set")


class Form(Enum):
    """What a checkpoint is."""

    TORCHSCRIPT = "TorchScript"
    EXPORTED = "exported program"
    STATE_DICT = "state_dict"
    SAFETENSORS = "safetensors"
    PICKLED = "pickled module"


@dataclass(frozen=True)
class Recognised:
    """A checkpoint's form.

    Attributes:
        data_bytes: of its tensors.
        classes: dotted names that its pickle refers to beyond tensors and containers; sorted. Only of
            a pickled module.
    """

    form: Form
    data_bytes: int
    classes: tuple[str, ...] = ()


def recognise(path: Path) -> Recognised:
    """Raises ToolError for what it is not, or what is damaged."""
    try:
        with path.open("rb") as file:
            start = file.read(9)
        if start[:4] == b"PK\x03\x04":
            return _archive(path)
    except _UNREADABLE as error:
        raise ToolError(f"{path}: cannot be read ({error}). Fetch it again") from None
    if len(start) == 9 and start[8:] == b"{":
        return Recognised(
            Form.SAFETENSORS, _safetensors_bytes(path, int.from_bytes(start[:8], "little"))
        )
    if start[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04"):
        raise ToolError(
            f"{path}: a bare pickle, as pickle.dump or torch before 1.6 write it. It is not loaded, as that could run "
            "code from the file. If you trust it, load it where it was written, and save its state_dict with "
            "torch.save(model.state_dict(), ...)"
        )
    raise ToolError(
        f"{path}: neither TorchScript, nor a .pt2, nor safetensors, nor what torch.save writes. Save the model in "
        "one of these forms"
    )


def _archive(path: Path) -> Recognised:
    with open_archive(path) as archive:
        sizes = archive.sizes
        if "models/model.json" in sizes:
            return Recognised(Form.EXPORTED, _below(sizes, "data/weights/", "data/constants/"))
        if "constants.pkl" in sizes and any(name.startswith("code/") for name in sizes):
            return Recognised(Form.TORCHSCRIPT, _below(sizes, "data/", "constants/"))
        if "data.pkl" not in sizes:
            raise ToolError(
                f"{path}: a zip archive, and none of torch's: it has neither code/, models/model.json nor data.pkl"
            )
        names = set(_globals(path, archive.read("data.pkl")))
    data_bytes = _below(sizes, "data/")
    classes = tuple(sorted(name for name in names if not _is_plain(name)))
    if not classes and data_bytes == 0:
        raise ToolError(
            f"{path}: what torch.save writes, but without any tensor in it. Save the model's values, "
            "torch.save(model.state_dict(), ...)"
        )
    if not classes:
        return Recognised(Form.STATE_DICT, data_bytes)
    return Recognised(Form.PICKLED, data_bytes, classes)


def _below(sizes: Mapping[str, int], *folders: str) -> int:
    return sum(size for name, size in sizes.items() if name.startswith(folders))


def _is_plain(name: str) -> bool:
    if name in _PLAIN or name in _SETS:
        return True
    # torch.FloatStorage, torch.storage.UntypedStorage and element types such as torch.float16.
    return name.startswith(_STORAGES) and (
        name.endswith("Storage")
        or name.count(".") == 1
        and name[6:].isalnum()
        and name[6:].islower()
    )


def _globals(path: Path, content: bytes) -> Iterator[str]:
    """The globals that a pickle names, as pickletools' disassembler finds them."""
    texts: list[str] = []
    memo: list[str | None] = []  # By place; None for what is no text.
    last: str | None = None
    try:
        for opcode, argument, _ in pickletools.genops(content):
            text = None
            if opcode.name == "GLOBAL":
                yield str(argument).replace(" ", ".", 1)
            elif opcode.name == "STACK_GLOBAL":
                if len(texts) < 2:
                    raise ValueError("STACK_GLOBAL without two texts before it")
                yield ".".join(texts[-2:])
            elif opcode.name.endswith("UNICODE"):
                text = str(argument)
            elif opcode.name == "MEMOIZE":
                memo.append(last)
            elif opcode.name in ("BINGET", "LONG_BINGET") and int(str(argument)) < len(memo):
                text = memo[int(str(argument))]
            if text is not None:
                texts.append(text)
            last = text
    except ValueError as error:
        raise ToolError(f"{path}: its pickle is damaged ({error}). Fetch it again") from None


def _safetensors_bytes(path: Path, length: int) -> int:
    """Bytes of the tensors: what follows the header, of `length` bytes after the first 8."""
    try:
        with path.open("rb") as file:
            file.seek(8)
            header = json.loads(file.read(length) if length < 100 << 20 else b"")
    except (ValueError, RecursionError) as error:
        raise ToolError(f"{path}: no safetensors header ({error}). Fetch it again") from None
    if not isinstance(header, dict):
        raise ToolError(f"{path}: no safetensors header. Fetch it again")
    return path.stat().st_size - 8 - length
