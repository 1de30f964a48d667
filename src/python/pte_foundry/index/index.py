"""The index of all artifacts: what apps read to pick and check a download."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pte_foundry.errors import PteError
from pte_foundry.index.entry import model_entry, remote_url
from pte_foundry.index.index_request import IndexedProgram, IndexRequest
from pte_foundry.index.schema_version import SCHEMA_VERSION
from pte_foundry.index.versions import version_key


def build_index(request: IndexRequest) -> dict[str, object]:
    """The content of index.json, whatever the order of the request's lists.

    Raises:
        PteError: `empty-index` without any artifact; `bad-version` if the artifacts are of several
            ExecuTorch versions; `duplicate` if two artifacts or two label files go by one name;
            `bad-request` if one backend is described in two ways; and what `model_entry` raises.
    """
    version = _common_version(request)
    entries = [model_entry(request, artifact, version) for artifact in request.artifacts]
    _refuse_duplicates(
        "artifact", [f"{entry['modelName']}_{entry['backend']}" for entry in entries]
    )
    _refuse_duplicates("label file", [f"{each.category}/{each.name}" for each in request.labels])
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
                "remoteUrl": remote_url(
                    request.base_url, version, f"{labels.category}/{labels.name}"
                ),
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
        version_key(version)  # Refuses what could be no folder's name.
        addresses.setdefault(version, []).append(artifact.report.declared.address)
    if len(addresses) > 1:
        told = "; ".join(
            f"{version}: {', '.join(sorted(found))}" for version, found in sorted(addresses.items())
        )
        raise PteError(
            "bad-version",
            f"one index holds one ExecuTorch version, these artifacts are of several: {told}. "
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
