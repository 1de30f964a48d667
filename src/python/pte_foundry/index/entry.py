"""One model's entry in the index."""

from __future__ import annotations

from pathlib import PurePosixPath

from pte_foundry.errors import PteError
from pte_foundry.index.index_request import IndexedProgram, IndexRequest
from pte_foundry.index.quantization import quantization_entry
from pte_foundry.records.index_request import Labels

_BYTES_PER_MEGABYTE = 1_000_000


def model_name(artifact: IndexedProgram) -> str:
    """The model with its precision, which is left out where it is the backend's default."""
    declared = artifact.report.declared
    if declared.precision == declared.default_precision:
        return declared.model
    return f"{declared.model}_{declared.precision}"


def megabytes(size: int) -> float:
    """Bytes as MB of 10^6 bytes, rounded to 2 decimals, as app stores and download pages count."""
    return round(size / _BYTES_PER_MEGABYTE, 2)


def remote_url(base_url: str, version: str, path: str) -> str:
    """URL of `path` in the version's folder; relative to the tree's root for the base URL `.`."""
    return f"{version}/{path}" if base_url == "." else f"{base_url}/{version}/{path}"


def model_entry(request: IndexRequest, artifact: IndexedProgram, version: str) -> dict[str, object]:
    """The entry of one artifact.

    `hash` is the SHA-256 of the file in lower-case hexadecimal, `size` its bytes, `inputSize` the
    last dimension of the first input (the side of a square picture).

    Raises:
        PteError: `unvalidated` if its validation did not pass; `bad-path` if the file's name is not
            `<family>/<modelName>_<backend>.pte`, which readers take apart; `bad-request` if its
            label file is not the one that the index lists, or its first input is a scalar.
    """
    report, declared = artifact.report, artifact.report.declared
    if artifact.verdict != "passed" or declared.checks is None:
        raise PteError(
            "unvalidated",
            f"{declared.address}: its validation says {artifact.verdict!r}"
            f"{'' if declared.checks else ' and its report names no checks'}; only what passed gets "
            "into an index. Run its test and correct what it shows",
        )
    name = model_name(artifact)
    expected = f"{declared.family}/{name}_{declared.backend}.pte"
    if artifact.path != expected:
        raise PteError(
            "bad-path",
            f"{declared.address}: its file is {artifact.path}, but readers expect {expected}. "
            "Rename the target, or correct its model, precision or backend",
        )
    if not report.inputs[0].shape:
        raise PteError("bad-request", f"{declared.address}: its first input is a scalar")
    labels = _labels(request, artifact)
    labels_path = None if labels is None else f"{labels.category}/{labels.name}"
    return {
        "name": PurePosixPath(artifact.path).name,
        "address": declared.address,
        "modelName": name,
        "category": declared.family,
        "backend": declared.backend,
        "backendDescription": declared.backend_description,
        "hash": report.sha256,
        "size": report.size,
        "sizeMB": megabytes(report.size),
        "inputSize": report.inputs[0].shape[-1],
        "remoteUrl": remote_url(request.base_url, version, artifact.path),
        "platforms": list(declared.platforms),
        "labelsFile": None if labels is None else labels.name,
        "labelsRemoteUrl": (
            None if labels_path is None else remote_url(request.base_url, version, labels_path)
        ),
        "license": declared.weights.license,
        "precision": declared.precision,
        "quantization": quantization_entry(report.quantization),
        "weights": declared.weights.to_json(),
        "inputs": [dict(tensor.description) for tensor in report.inputs],
        "outputs": [dict(tensor.description) for tensor in report.outputs],
        "delegation": report.delegation.to_json(),
        "parameters": report.parameters.to_json(),
        "plannedMemoryBytes": list(report.planned_memory_bytes),
        "validation": {
            "checks": declared.checks.to_json(),
            "verdict": artifact.verdict,
            "evidence": artifact.evidence,
        },
        "toolchain": dict(report.versions),
    }


def _labels(request: IndexRequest, artifact: IndexedProgram) -> Labels | None:
    """The listed label file of the artifact's family, None if the artifact has none."""
    declared = artifact.report.declared
    if declared.labels is None:
        return None
    for labels in request.labels:
        if (labels.category, labels.name) == (declared.family, declared.labels.file):
            if (labels.sha256, labels.size) != (declared.labels.sha256, declared.labels.size):
                raise PteError(
                    "bad-request",
                    f"{declared.address}: its report and the index name different contents of "
                    f"{labels.category}/{labels.name}. Build both from one commit",
                )
            return labels
    raise PteError(
        "bad-request",
        f"{declared.address}: the index lists no label file {declared.family}/"
        f"{declared.labels.file}. Add it to the request's labels",
    )
