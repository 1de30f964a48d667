"""The tensors of an exported program, and the archive that torch gets instead of the file."""

from __future__ import annotations

import io
import json
import re
import zipfile

from pte_foundry.models.checkpoints.exported.archive import (
    CONSTANTS,
    MARKS,
    MODEL,
    SAMPLES,
    WEIGHTS,
    ExportedArchive,
)
from pte_foundry.models.checkpoints.exported.fields import (
    Json,
    Misfit,
    dotted,
    field,
    flag,
    inside,
    one_of,
    record,
    shown,
    table,
)
from pte_foundry.models.checkpoints.exported.signatures import target_of
from pte_foundry.models.checkpoints.exported.tensors import (
    extent,
    read_tensor,
    same_kind,
    value_bytes,
)

_FOLDERS = {WEIGHTS: ("data/weights", "weight"), CONSTANTS: ("data/constants", "tensor")}


def rebuilt(archive: ExportedArchive, program: Json, samples: bytes) -> io.BytesIO:
    """An archive of the program and of the tensors that it uses, for torch.export.load.

    Args:
        samples: what replaces the example inputs.

    Raises:
        Misfit: for a tensor that is pickled, that the file does not have or only a part of, or that is of
            another kind than the program takes.
    """
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w") as made:
        for config, payloads in _used(archive, program).items():
            with inside(config):
                listed = _copy_storages(archive, made, config, payloads)
            made.writestr(f"model/{config}", json.dumps({"config": listed}))
        made.writestr(f"model/{MODEL}", json.dumps(program, allow_nan=False))
        made.writestr(f"model/{SAMPLES}", samples)
        for name, mark in MARKS.items():
            made.writestr(f"model/{name}", mark)
        made.writestr("model/.data/version", b"6\n")
    copy.seek(0)
    return copy


def _used(archive: ExportedArchive, program: Json) -> dict[str, dict[str, Json]]:
    """The tensors that the program takes, by config file and parameter's name."""
    found = {config: _payloads(archive, config) for config in _FOLDERS}
    used: dict[str, dict[str, Json]] = {config: {} for config in _FOLDERS}
    module = program["graph_module"]
    for one in module["signature"]["input_specs"]:
        target, (kind, spec) = target_of(one), one_of(one)
        if not target:
            continue
        lasting = kind == "parameter" or kind == "buffer" and spec["persistent"]
        config = WEIGHTS if lasting else CONSTANTS
        payload = found[config].get(target)
        if payload is None:
            raise Misfit(f"no tensor for {target}").inside(config)
        expected = module["graph"]["tensor_values"][spec["arg"]["name"]]
        if not same_kind(payload["tensor_meta"], expected):
            what = f"{target} in other sizes or of another element type than the program takes"
            raise Misfit(what).inside(config)
        if payload["is_param"] != (kind == "parameter"):
            what = f"{target}, a parameter for the program or here, not for both"
            raise Misfit(what).inside(config)
        used[config][target] = payload
    return used


def _payloads(archive: ExportedArchive, config: str) -> dict[str, Json]:
    prefix = _FOLDERS[config][1]
    with inside(config):
        values = record(archive.json(config), ("config",))
        return field(
            values, "config", lambda one: table(one, dotted, lambda one: _payload(one, prefix))
        )


def _payload(value: object, prefix: str) -> Json:
    """torch's `PayloadMeta` of a tensor; `path_name`: of the storage that it is a part of, below its folder."""
    values = record(value, ("path_name", "is_param", "use_pickle", "tensor_meta"))
    if values["use_pickle"] is not False:
        raise Misfit("a tensor that is pickled", True)
    path = values["path_name"]
    if not isinstance(path, str) or not re.fullmatch(prefix + r"_\d{1,9}", path, re.ASCII):
        raise Misfit(f"the file {shown(path)}, an object and no tensor", True)
    return {
        "path_name": path,
        "use_pickle": False,
        "tensor_meta": field(values, "tensor_meta", read_tensor),
        "is_param": field(values, "is_param", flag),
    }


def _copy_storages(
    archive: ExportedArchive, made: zipfile.ZipFile, config: str, payloads: dict[str, Json]
) -> dict[str, object]:
    """Each storage once, as far as its tensors reach; then what the tensors are made of."""
    folder, prefix = _FOLDERS[config]
    shared: dict[str, list[str]] = {}
    for name, payload in payloads.items():
        shared.setdefault(payload["path_name"], []).append(name)
    listed: dict[str, object] = {}
    for number, (path, names) in enumerate(shared.items()):
        tensors = {name: payloads[name]["tensor_meta"] for name in names}
        first = tensors[names[0]]
        width = value_bytes(first)
        stored = archive.stored(f"{folder}/{path}")
        reached = 0
        for name, tensor in tensors.items():
            if tensor["dtype"] != first["dtype"] or stored % width:
                raise Misfit(f"{name} in {stored} bytes, which are not of its element type")
            with inside(f"[{name}]"):
                reached = max(reached, extent(tensor, stored // width))
            listed[name] = {**payloads[name], "path_name": f"{prefix}_{number}"}
        content = archive.storage(f"{folder}/{path}")[: reached * width]
        made.writestr(f"model/{folder}/{prefix}_{number}", content)
    return listed
