"""The bill of materials of a tree: a CycloneDX 1.6 ML-BOM.

https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    Property,
    XsUri,
)
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from pte_foundry.records.json_fields import Fields
from pte_foundry.records.tree_request import Origin
from pte_foundry.tree.merged_index import version_of
from pte_foundry.tree.provenance.checkpoint import Checkpoint, checkpoints
from pte_foundry.tree.provenance.statement import NO_TIME
from pte_foundry.tree.tree_files import MODEL_CARD

_PREFIX = "pte-foundry:"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Package:
    """A distribution: its normalised name (PEP 503) and its version."""

    name: str
    version: str


def locked_packages(text: str) -> tuple[Package, ...]:
    """The packages that a lockfile pins, sorted; one whose version depends on the platform once for each version."""
    found = {Package(re.sub(r"[-_.]+", "-", name).lower(), pin) for name, pin in _PIN.findall(text)}
    return tuple(sorted(found))


def bill_of_materials(
    origin: Origin, index: Fields, index_hashes: Sequence[str], locks: Mapping[str, bytes]
) -> dict[str, object]:
    """The BOM as JSON: programs, their checkpoints, and the packages of their toolchains.

    A program depends on its checkpoint and on its lockfiles, a lockfile on the packages that it pins. The
    serial number is a function of the indexes, and there is no time unless the index has one. The source commit
    is not in it: it belongs to the provenance statement.

    Args:
        index: the tree's indexes as one, see `merged_index`.
        index_hashes: the SHA-256 of each one's bytes.
        locks: path in the repository -> content, of each that `origin` names.

    Raises:
        PteError: `bad-request` naming the index's field that is missing or wrong.
    """
    models = index.objects("models")
    version = index.text("version")
    tree = Component(name="tree", version=version, type=ComponentType.DATA, bom_ref="tree")
    bom = Bom(
        serial_number=uuid5(NAMESPACE_URL, f"urn:pte-foundry:index:{','.join(index_hashes)}"),
        metadata=BomMetaData(component=tree),
    )
    # Set afterwards: without a time, the constructor takes the current one.
    bom.metadata.timestamp = cast("datetime", _time(index))
    packages = {path: locked_packages(content.decode()) for path, content in locks.items()}
    libraries = {package: _library(package) for pinned in packages.values() for package in pinned}
    lockfiles = {path: _lockfile(path, content) for path, content in locks.items()}
    for path, component in lockfiles.items():
        bom.register_dependency(component, [libraries[package] for package in packages[path]])
    programs = {
        model.text("address"): _program(model, version_of(index, model)) for model in models
    }
    for checkpoint in checkpoints(models):
        component = _checkpoint(checkpoint)
        bom.components.add(component)
        for address in checkpoint.programs:
            bom.register_dependency(programs[address], [component])
    for model in models:
        used = [lockfiles[path] for path in origin.locks[model.text("address")]]
        bom.register_dependency(programs[model.text("address")], used)
    bom.register_dependency(tree, programs.values())
    bom.components.update([*programs.values(), *lockfiles.values(), *libraries.values()])
    result: dict[str, object] = json.loads(JsonV1Dot6(bom).output_as_string())
    return result


def _time(index: Fields) -> datetime | None:
    generated = index.text("generated")
    return None if generated == NO_TIME else datetime.fromisoformat(generated)


def _program(model: Fields, version: str) -> Component:
    weights = model.nested("weights")
    properties = {
        "backend": model.text("backend"),
        "precision": model.text("precision"),
        "weights": weights.text("source"),
        "address": model.text("address"),
    }
    folder = f"{version}/{model.text('category')}"
    path, card = f"{folder}/{model.text('name')}", f"{folder}/{MODEL_CARD}"
    return Component(
        name=model.text("name"),
        version=version,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=path,
        hashes=[_sha256(model.sha256("hash"))],
        licenses=[DisjunctiveLicense(id=model.text("license"))],
        external_references=[_reference(ExternalReferenceType.MODEL_CARD, card)],
        properties=[
            Property(name=_PREFIX + name, value=value) for name, value in properties.items()
        ],
    )


def _checkpoint(checkpoint: Checkpoint) -> Component:
    weights, page = checkpoint.weights, checkpoint.weights.source_page
    return Component(
        name=checkpoint.name,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"checkpoint:{checkpoint.name}:{weights.sha256 or weights.source}",
        description=weights.description,
        hashes=[] if weights.sha256 is None else [_sha256(weights.sha256)],
        licenses=[DisjunctiveLicense(id=weights.license)],
        external_references=(
            [] if page is None else [_reference(ExternalReferenceType.WEBSITE, page)]
        ),
        properties=[
            Property(name=f"{_PREFIX}{name}", value=value)
            for name, value in (("weights", weights.source), ("file", weights.file))
            if value is not None
        ],
    )


def _lockfile(path: str, content: bytes) -> Component:
    return Component(
        name=path,
        type=ComponentType.FILE,
        bom_ref=path,
        hashes=[_sha256(hashlib.sha256(content).hexdigest())],
    )


def _library(package: Package) -> Component:
    """Without hashes: a lockfile accepts several files of a package, and the machine decides which is installed."""
    url = PackageURL(type="pypi", name=package.name, version=package.version)
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=url.to_string(),
        purl=url,
    )


def _sha256(content: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=content)


def _reference(kind: ExternalReferenceType, url: str) -> ExternalReference:
    return ExternalReference(type=kind, url=XsUri(url))
