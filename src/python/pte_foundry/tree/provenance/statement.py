"""The provenance of a tree: an in-toto Statement v1 with a SLSA provenance v1 predicate.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
https://slsa.dev/spec/v1.0/provenance
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2  # type: ignore[import-untyped]
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor  # type: ignore[import-untyped]
from in_toto_attestation.v1.statement import Statement  # type: ignore[import-untyped]

from pte_foundry.records.json_fields import Fields
from pte_foundry.records.tree_request import Origin
from pte_foundry.tree.provenance.checkpoint import Checkpoint, checkpoints

PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:pte-foundry:model_tree:v1"
"""`externalParameters` of this build type: the tree's address, and the options for URLs, time and weights."""

NO_TIME = "1970-01-01T00:00:00Z"
"""The default of `[index] generated`: no time was given."""


def provenance_statement(
    origin: Origin, index: Fields, files: Mapping[str, str], lockfiles: Mapping[str, str]
) -> dict[str, object]:
    """The statement, as JSON.

    Args:
        index: the tree's indexes as one, see `merged_index`.
        files: path in the tree -> SHA-256 of each file that the statement vouches for.
        lockfiles: path in the repository -> SHA-256 of each that `origin` names.

    Raises:
        PteError: `bad-request` naming the index's field that is missing or wrong.
    """
    models = index.objects("models")
    definition = {
        "buildType": BUILD_TYPE,
        "externalParameters": {
            "target": origin.target,
            "baseUrl": index.text("baseUrl"),
            "generated": index.text("generated"),
            "weightsSources": list(index.texts("weightsSources")),
        },
        "resolvedDependencies": [
            *([_source(origin.source_commit)] if origin.source_commit else []),
            *(_checkpoint(each) for each in checkpoints(models)),
            *(_descriptor(path, lockfiles[path]) for path in origin.lockfiles),
        ],
    }
    details: dict[str, object] = {
        "builder": {"id": origin.builder, "version": _toolchain_versions(models)}
    }
    if index.text("generated") != NO_TIME:
        details["metadata"] = {"finishedOn": index.text("generated")}
    predicate = {"buildDefinition": definition, "runDetails": details}
    # Through the predicate's own message type, so that a misspelt field or a wrong type is an error here.
    checked = ParseDict(predicate, provenance_pb2.Provenance())
    statement = Statement(
        [ResourceDescriptor(path, digest={"sha256": files[path]}).pb for path in sorted(files)],
        PREDICATE_TYPE,
        MessageToDict(checked),
    )
    statement.validate()
    result: dict[str, object] = MessageToDict(statement.pb)
    return result


def _descriptor(name: str, sha256: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": sha256}}


def _source(commit: str) -> dict[str, Any]:
    return {"name": "source", "digest": {"gitCommit": commit}}


def _checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    """Seeded weights have no digest: the sources draw them, no file holds them."""
    weights = checkpoint.weights
    annotations = {
        "source": weights.source,
        "license": weights.license,
        "file": weights.file,
        "sourcePage": weights.source_page,
        "description": weights.description,
    }
    return {
        "name": checkpoint.name,
        **({} if weights.sha256 is None else {"digest": {"sha256": weights.sha256}}),
        "annotations": {name: value for name, value in annotations.items() if value is not None},
    }


def _toolchain_versions(models: tuple[Fields, ...]) -> dict[str, str]:
    """Distribution -> its version, or several where the toolchains differ."""
    versions: dict[str, set[str]] = {}
    for model in models:
        for name, version in model.text_map("toolchain").items():
            versions.setdefault(name, set()).add(version)
    return {name: ", ".join(sorted(found)) for name, found in sorted(versions.items())}
