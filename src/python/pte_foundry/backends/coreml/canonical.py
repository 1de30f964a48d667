"""Take out of a CoreML payload what differs between two conversions of the same program.

A payload is a folder with `metadata.json` and `model.mlpackage`. It is changed in five places and
nowhere else; the graph, its names and the weights keep their values:

| place | conversion writes | canonical |
|---|---|---|
| `metadata.json`, identifier | a random UUID | a digest of all the other content |
| `Manifest.json`, item identifiers | random UUIDs | name-based UUIDs of the items' paths |
| `model.mlmodel`, conversion date | the day | removed |
| `model.mlmodel`, order of map entries | any | sorted by key |
| two files for debuggers | paths and handles of the conversion | removed |

The runtime keeps compiled models under the identifier, so it has to differ where the content does.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from coremltools.proto import Model_pb2  # type: ignore[import-untyped]

from pte_foundry.backends.coreml.container import Container, read_container, write_container
from pte_foundry.errors import PteError

METADATA = "metadata.json"
PACKAGE = "model.mlpackage"
_MANIFEST = f"{PACKAGE}/Manifest.json"
_MODEL = f"{PACKAGE}/Data/com.apple.CoreML/model.mlmodel"
_DEBUG_FILES = ("debug_info.json", f"{PACKAGE}/executorch_debug_handle_mapping.json")
_CONVERSION_DATE = "com.github.apple.coremltools.conversion_date"


def canonical_payload(payload: bytes) -> bytes:
    """The canonical form of a payload of the delegate `CoreMLBackend`; idempotent.

    Raises:
        PteError: `structure` if the payload is not such a folder.
    """
    container = read_container(payload)
    files = {path: data for path, data in container.files.items() if path not in _DEBUG_FILES}
    missing = sorted({METADATA, _MANIFEST, _MODEL} - files.keys())
    if missing:
        raise PteError(
            "structure",
            f"a CoreML payload has no {', '.join(missing)}; it has {', '.join(sorted(files))}. "
            "Only uncompiled ML programs are known here: correct pte_foundry.backends.coreml.lowering",
        )
    files[_MANIFEST] = _canonical_manifest(files[_MANIFEST])
    files[_MODEL] = _canonical_model(files[_MODEL])
    files[METADATA] = _with_identifier(files[METADATA], "")
    identifier = _digest(files)
    files[METADATA] = _with_identifier(files[METADATA], identifier)
    return write_container(Container(container.name, files))


def _canonical_manifest(content: bytes) -> bytes:
    manifest: dict[str, Any] = json.loads(content)
    new = {
        identifier: str(uuid.uuid5(uuid.NAMESPACE_URL, item["path"]))
        for identifier, item in manifest["itemInfoEntries"].items()
    }
    manifest["itemInfoEntries"] = {
        new[identifier]: item for identifier, item in manifest["itemInfoEntries"].items()
    }
    manifest["rootModelIdentifier"] = new[manifest["rootModelIdentifier"]]
    # Indented as coremltools writes it.
    return json.dumps(manifest, indent=4, sort_keys=True).encode("utf-8") + b"\n"


def _canonical_model(content: bytes) -> bytes:
    model = Model_pb2.Model()
    model.ParseFromString(content)
    model.description.metadata.userDefined.pop(_CONVERSION_DATE, None)
    serialized: bytes = model.SerializeToString(deterministic=True)
    return serialized


def _with_identifier(content: bytes, identifier: str) -> bytes:
    # The order of inputNames and outputNames is the order of the delegate's arguments.
    return json.dumps({**json.loads(content), "identifier": identifier}).encode("utf-8")


def _digest(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    # ExecuTorch writes "executorch_" and a UUID; apps may rely on that form.
    return f"executorch_{uuid.UUID(bytes=digest.digest()[:16])}"
