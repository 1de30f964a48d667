"""The index of all artifacts, with an entry for each: apps read it to pick and check a download."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from pte_foundry.errors import PteError
from pte_foundry.index.index_request import IndexedProgram, IndexRequest
from pte_foundry.index.versions import SCHEMA_VERSION, version_key
from pte_foundry.records.index_request import Labels
from pte_foundry.records.quantization import Quantization


def build_index(request: IndexRequest) -> dict[str, object]:
    """The content of index.json, whatever the order of the request's lists.

    Raises:
        PteError: `empty-index` without any artifact; `bad-version` if the artifacts are of several
            ExecuTorch versions; `duplicate` if two artifacts or two label files have the same name;
            `bad-request` if one backend is described in two ways; and what `model_entry` raises.
    """
    version = _common_version(request)
    entries = [model_entry(request, artifact, version) for artifact in request.artifacts]
    _refuse_duplicates(
        "artifact", [f"{entry['modelName']}_{entry['backend']}" for entry in entries]
    )
    _refuse_duplicates("label file", [each.path for each in request.labels])
    _refuse_duplicates("unavailable program", [each.address for each in request.unavailable])
    declared = [artifact.report.declared for artifact in request.artifacts]
    return {
        "schemaVersion": SCHEMA_VERSION,
        "version": version,
        "executorchVersion": version,
        "generated": request.generated,
        "baseUrl": request.base_url,
        "weightsSources": sorted({each.weights.source for each in declared}),
        "models": sorted(entries, key=lambda entry: str(entry["name"])),
        "labels": [
            {
                "name": labels.name,
                "category": labels.category,
                "hash": labels.sha256,
                "size": labels.size,
                "remoteUrl": remote_url(request.base_url, version, labels.path),
            }
            for labels in sorted(request.labels, key=lambda labels: (labels.category, labels.name))
        ],
        "backends": _backends(request.artifacts),
        "unavailable": [
            each.to_json() for each in sorted(request.unavailable, key=lambda each: each.address)
        ],
    }


def _common_version(request: IndexRequest) -> str:
    if not request.artifacts:
        reasons = "".join(f" {each.address}: {each.reason}." for each in request.unavailable)
        raise PteError(
            "empty-index", f"there is no artifact to list.{reasons} Name at least one program"
        )
    addresses: dict[str, list[str]] = {}
    for artifact in request.artifacts:
        version = artifact.report.versions["executorch"]
        version_key(version)  # Refuses what cannot be the name of a folder.
        addresses.setdefault(version, []).append(artifact.report.declared.address)
    if len(addresses) > 1:
        listed = "; ".join(
            f"{version}: {', '.join(sorted(found))}" for version, found in sorted(addresses.items())
        )
        raise PteError(
            "bad-version",
            f"an index holds one ExecuTorch version, but these artifacts have several: {listed}. "
            "Lock all toolchains to one version, or split the index",
        )
    return next(iter(addresses))


def _backends(artifacts: Sequence[IndexedProgram]) -> dict[str, object]:
    descriptions: dict[str, str] = {}
    for artifact in artifacts:
        declared = artifact.report.declared
        known = descriptions.setdefault(declared.backend, declared.backend_description)
        if known != declared.backend_description:
            raise PteError(
                "bad-request",
                f"the backend {declared.backend} is described as {known!r} and, by "
                f"{declared.address}, as {declared.backend_description!r}. Describe it once",
            )
    return {backend: {"description": descriptions[backend]} for backend in sorted(descriptions)}


def _refuse_duplicates(what: str, names: Sequence[str]) -> None:
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise PteError(
            "duplicate",
            f"more than one {what} is called {', '.join(repeated)}: readers use the name as a key. "
            "Rename or leave out all but one",
        )


_BYTES_PER_MEGABYTE = 1_000_000


def model_name(artifact: IndexedProgram) -> str:
    """The model with its precision, which is left out where it is the backend's default."""
    declared = artifact.report.declared
    if declared.precision == declared.default_precision:
        return declared.model
    return f"{declared.model}_{declared.precision}"


def megabytes(size: int) -> float:
    """Bytes as MB of 10^6 bytes, rounded to 2 decimals, as app stores and download pages do."""
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
            `<family>/<modelName>_<backend>.pte`, which readers parse; `bad-request` if its
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
        "labelsFile": labels and labels.name,
        "labelsRemoteUrl": labels and remote_url(request.base_url, version, labels.path),
        "license": declared.weights.license,
        "precision": declared.precision,
        "quantization": _quantization(report.quantization),
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
    """The listed label file of the artifact's family; None if the artifact has none."""
    declared = artifact.report.declared
    if declared.labels is None:
        return None
    for labels in request.labels:
        if labels.path == f"{declared.family}/{declared.labels.file}":
            if (labels.sha256, labels.size) != (declared.labels.sha256, declared.labels.size):
                raise PteError(
                    "bad-request",
                    f"{declared.address}: its report and the index name different contents of "
                    f"{labels.path}. Build both from one commit",
                )
            return labels
    raise PteError(
        "bad-request",
        f"{declared.address}: the index lists no label file {declared.family}/"
        f"{declared.labels.file}. Add it to the request's labels",
    )


def _quantization(quantization: Quantization | None) -> dict[str, object] | None:
    """Enough to choose a program by; the report has the rest. Null for a float precision."""
    if quantization is None:
        return None
    return {
        "recipe": quantization.recipe,
        "calibration_pictures": len(quantization.calibration),
        "weights_fraction": quantization.weights_fraction,
        "compute_fraction": quantization.compute_fraction,
    }
