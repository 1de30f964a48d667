"""A copy of a TorchScript file that has only what was looked at, for `torch.jit.load`."""

from __future__ import annotations

import io
import pickletools
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import torch

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.archive import CheckpointArchive, open_archive
from pte_foundry.models.checkpoints.pickle_reader import (
    ForbiddenGlobal,
    Function,
    PickleReader,
    record_class,
)
from pte_foundry.models.checkpoints.refusal import Unfit, refusing, shown
from pte_foundry.models.checkpoints.stored_tensors import Storage, StoredTensors
from pte_foundry.models.own.torchscript_code import ForbiddenCode, checked_code

_CODE = re.compile(r"code/__torch__(/\w+)*\.py", re.ASCII)
_VALUES = re.compile(r"(data|constants)/\w+", re.ASCII)
_CLASS = re.compile(r"__torch__(\.\w+)+", re.ASCII)
_CLASS_OF_CPP = "__torch__.torch.classes."
_LEFT_OUT = re.compile(
    # Where the code was written, the inputs that it was traced with, what a program for phones has, and files
    # that a person added.
    r"code/.*\.debug_pkl|traced_inputs(\.pkl|/.*)|bytecode(\.pkl|/.*)|mobile_debug_handles\.pkl|extra/.*"
    r"|\.data/.*|byteorder"
)
_LISTS = ("build_intlist", "build_tensorlist", "build_doublelist", "build_boollist")
_TYPE = re.compile(r"[\w\[\], .]+", re.ASCII)


def checked_archive(path: Path) -> io.BytesIO:
    """An archive in memory with the code written again, the pickles, and the values.

    Raises:
        PteError: `bad-checkpoint` if the file is not TorchScript or is damaged, if its code does more than
            compute, or if it has objects of classes that are written in C++.
    """
    with refusing(path.name, "is no readable TorchScript"):
        try:
            with open_archive(path) as archive:
                return _copy(archive, StoredTensors(path.stat().st_size))
        except (ForbiddenCode, ForbiddenGlobal) as error:
            what = (
                f"its pickle refers to {shown(error.name)}"
                if isinstance(error, ForbiddenGlobal)
                else f"its code {error}"
            )
            raise PteError(
                "bad-checkpoint",
                f"{path.name}: {what}. Remove that from the model and save it again, or save it as .pt2",
            ) from error


def _copy(archive: CheckpointArchive, tensors: StoredTensors) -> io.BytesIO:
    if not re.fullmatch(rb"\d{1,4}\n?", archive.read("version")):
        raise ValueError("it has no version")
    code = {
        name: checked_code(archive.read(name)) for name in archive.sizes if _CODE.fullmatch(name)
    }
    for folder in ("data", "constants"):
        _check_pickle(archive, folder, tensors)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as copy:
        for name in archive.sizes:
            if name in code:
                copy.writestr(f"model/{name}", code[name])
            elif name in ("version", "data.pkl", "constants.pkl") or _VALUES.fullmatch(name):
                # As long as torch's own entries, so that it finds the ends of large files.
                with (
                    archive.open(name) as there,
                    copy.open(
                        f"model/{name}", "w", force_zip64=archive.sizes[name] >= 1 << 31
                    ) as here,
                ):
                    shutil.copyfileobj(there, here, 16 << 20)
            elif not _LEFT_OUT.fullmatch(name):
                raise Unfit(
                    f"it has the file {shown(name)}, which torch does not write. Save it with torch.jit.save"
                )
    made.seek(0)
    return made


def _check_pickle(archive: CheckpointArchive, folder: str, tensors: StoredTensors) -> None:
    """Read the pickle as data: objects of the file's own classes alone, tensors that have their values."""
    content = archive.read(f"{folder}.pkl")
    classes = {
        name: record_class(*name.rpartition(".")[::2])
        for instruction, argument, _ in pickletools.genops(content)
        if instruction.name == "GLOBAL"
        and _CLASS.fullmatch(name := str(argument).replace(" ", ".", 1))
        and not name.startswith(_CLASS_OF_CPP)
    }

    def persistent(number: tuple[Any, ...]) -> Storage:
        return tensors.archived(archive, folder, number, _without_values)

    table = {
        **classes,
        **tensors.table(),
        **{f"torch.jit._pickle.{name}": Function(list) for name in _LISTS},
        "torch.jit._pickle.restore_type_tag": Function(_typed),
    }
    PickleReader(table, persistent).read(io.BytesIO(content))


def _without_values(name: str, size: int) -> torch.UntypedStorage:
    return torch.empty(size, dtype=torch.uint8, device="meta").untyped_storage()


def _typed(value: object, kind: object) -> object:
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind) or _CLASS_OF_CPP in kind:
        raise ValueError(f"a value has the type {shown(kind)}")
    return value
