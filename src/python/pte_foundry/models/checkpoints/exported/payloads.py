"""The tensors of an exported program, and the archive that torch gets instead of the file."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass

from pte_foundry.models.checkpoints.exported.archive import (
    CONSTANTS,
    MARKS,
    MODEL,
    SAMPLES,
    WEIGHTS,
    ExportedArchive,
)
from pte_foundry.models.checkpoints.exported.arguments import Name
from pte_foundry.models.checkpoints.exported.fields import (
    Misfit,
    dotted,
    field,
    flag,
    record,
    shown,
    table,
)
from pte_foundry.models.checkpoints.exported.programs import SavedProgram
from pte_foundry.models.checkpoints.exported.tensors import (
    SavedTensor,
    extent,
    read_tensor,
    same_kind,
)

_FOLDERS = {WEIGHTS: ("data/weights", "weight"), CONSTANTS: ("data/constants", "tensor")}


@dataclass(frozen=True)
class Payload:
    """A tensor of the file; `path`: of the storage that it is a part of, below its folder."""

    path: str
    tensor: SavedTensor
    is_param: bool

    def json(self, path: str) -> object:
        return {
            "path_name": path,
            "is_param": self.is_param,
            "use_pickle": False,
            "tensor_meta": self.tensor.json(),
        }


def rebuilt(archive: ExportedArchive, program: SavedProgram, samples: bytes) -> io.BytesIO:
    """An archive of the program and of the tensors that it uses, for torch.export.load.

    Args:
        samples: what stands for the example inputs.

    Raises:
        Misfit: for a tensor that is pickled, that the file does not have or only a part of, or that is of
            another kind than the program takes.
    """
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w") as made:
        for config, payloads in _used(archive, program).items():
            try:
                listed = _copy_storages(archive, made, config, payloads)
            except Misfit as misfit:
                raise misfit.inside(config) from None
            made.writestr(f"model/{config}", json.dumps({"config": listed}))
        made.writestr(f"model/{MODEL}", json.dumps(program.json(), allow_nan=False))
        made.writestr(f"model/{SAMPLES}", samples)
        for name, mark in MARKS.items():
            made.writestr(f"model/{name}", mark)
        made.writestr("model/.data/version", b"6\n")
    copy.seek(0)
    return copy


def _used(archive: ExportedArchive, program: SavedProgram) -> dict[str, dict[str, Payload]]:
    """The tensors that the program takes, by config file and parameter's name."""
    found = {config: _payloads(archive, config) for config in _FOLDERS}
    used: dict[str, dict[str, Payload]] = {config: {} for config in _FOLDERS}
    for one in program.inputs:
        if not one.target:
            continue
        lasting = one.kind == "parameter" or one.kind == "buffer" and one.persistent
        config = WEIGHTS if lasting else CONSTANTS
        payload = found[config].get(one.target)
        assert isinstance(one.argument.value, Name)
        if payload is None:
            raise Misfit(f"no tensor for {one.target}").inside(config)
        if not same_kind(payload.tensor, program.graph.tensors[one.argument.value.name]):
            what = f"{one.target} in other sizes or of another element type than the program takes"
            raise Misfit(what).inside(config)
        if payload.is_param != (one.kind == "parameter"):
            raise Misfit(f"{one.target}, a parameter for the program or here, not for both").inside(
                config
            )
        used[config][one.target] = payload
    return used


def _payloads(archive: ExportedArchive, config: str) -> dict[str, Payload]:
    prefix = _FOLDERS[config][1]
    try:
        values = record(archive.json(config), ("config",))
        return field(
            values, "config", lambda one: table(one, dotted, lambda one: _payload(one, prefix))
        )
    except Misfit as misfit:
        raise misfit.inside(config) from None


def _payload(value: object, prefix: str) -> Payload:
    values = record(value, ("path_name", "is_param", "use_pickle", "tensor_meta"))
    if values["use_pickle"] is not False:
        raise Misfit("a tensor that is pickled", True)
    path = values["path_name"]
    if not isinstance(path, str) or not re.fullmatch(prefix + r"_\d{1,9}", path, re.ASCII):
        raise Misfit(f"the file {shown(path)}, an object and no tensor", True)
    tensor = field(values, "tensor_meta", read_tensor)
    return Payload(path, tensor, field(values, "is_param", flag))


def _copy_storages(
    archive: ExportedArchive, made: zipfile.ZipFile, config: str, payloads: dict[str, Payload]
) -> dict[str, object]:
    """Each storage once, as far as its tensors reach; then what the tensors are made of."""
    folder, prefix = _FOLDERS[config]
    shared: dict[str, list[str]] = {}
    for name, payload in payloads.items():
        shared.setdefault(payload.path, []).append(name)
    listed: dict[str, object] = {}
    for number, (path, names) in enumerate(shared.items()):
        width = payloads[names[0]].tensor.value_bytes
        stored = archive.stored(f"{folder}/{path}")
        reached = 0
        for name in names:
            payload = payloads[name]
            if payload.tensor.dtype != payloads[names[0]].tensor.dtype or stored % width:
                raise Misfit(f"{name} in {stored} bytes, which are not of its element type")
            try:
                reached = max(reached, extent(payload.tensor, stored // width))
            except Misfit as misfit:
                raise misfit.inside(f"[{name}]") from None
            listed[name] = payload.json(f"{prefix}_{number}")
        content = archive.storage(f"{folder}/{path}")[: reached * width]
        made.writestr(f"model/{folder}/{prefix}_{number}", content)
    return listed
