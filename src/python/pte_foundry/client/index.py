"""Read `versions.json` and one version's `index.json`, strictly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from pte_foundry.client.address import check_address
from pte_foundry.client.content import Content
from pte_foundry.client.errors import BadCatalogueError, NewerSchemaError, NoArtifactError
from pte_foundry.errors import PteError
from pte_foundry.index.versions import version_key
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import parse_json
from pte_foundry.records.paths import check_path

SCHEMA_VERSION = 1
"""The newest `schemaVersion` that this client reads. A document without the field has version 1."""

LARGEST_DOCUMENT = 64 << 20
"""A larger document, in bytes, is not read."""


@dataclass(frozen=True)
class ListedFile:
    """A file of the tree.

    Attributes:
        path: relative to the tree's root, with `/`.
        url: the publisher's https address for it; None if it is `path` below the tree's root.
    """

    path: str
    url: str | None
    content: Content

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Artifact:
    """One `.pte` program.

    Attributes:
        model: without the precision, e.g. `yolo11n`.
        model_name: with the precision where it is not the backend's default, e.g. `yolo11n_int8`.
        platforms: out of android, ios, linux, macos, web, windows.
        weights_source: `official`, `substitute` or `seeded`; the last two do not predict what the
            publisher's model does.
        license: SPDX identifier of the weights' licence.
        labels: the file with one class name per line, in the order of the outputs; None if the model
            has no classes.
        entry: the whole entry of the index: inputs, outputs, delegation, toolchain and more.
    """

    model: str
    model_name: str
    backend: str
    precision: str
    platforms: tuple[str, ...]
    weights_source: str
    license: str
    file: ListedFile
    labels: ListedFile | None
    entry: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True)
class UnavailableProgram:
    """A program that the publisher could not build, and why."""

    model: str
    backend: str
    precision: str
    reason: str


@dataclass(frozen=True)
class Index:
    """version: of the ExecuTorch runtime that runs the programs."""

    version: str
    artifacts: tuple[Artifact, ...]
    unavailable: tuple[UnavailableProgram, ...]


def parse_document(content: bytes, where: str) -> Fields:
    """The JSON object in `content`.

    Raises:
        BadCatalogueError: it is not a JSON object, see `parse_json`.
        NewerSchemaError: its `schemaVersion` is newer than ours; nothing else is read.
    """
    try:
        value = parse_json(content)
    except ValueError as error:
        raise BadCatalogueError(
            f"{where} is not valid JSON ({error}). Check the location, and publish the tree again"
        ) from error
    if not isinstance(value, dict):
        raise BadCatalogueError(f"{where} does not hold a JSON object. Publish the tree again")
    fields = Fields(value, where)
    with _reading():
        version = fields.count("schemaVersion") if "schemaVersion" in value else 1
    if version > SCHEMA_VERSION:
        raise NewerSchemaError(
            f"{where} has schema version {version}; this client reads up to {SCHEMA_VERSION}. Upgrade "
            "pte_foundry.client to the release of pte-foundry that made the tree, or use an older tree"
        )
    return fields


def choose_version(versions: Fields, wanted: str | None) -> str:
    """The version to read: the wanted one, else the latest.

    Raises:
        BadCatalogueError: a field of versions.json is wrong.
        NoArtifactError: the wanted version is absent.
    """
    with _reading():
        known, latest = versions.texts("versions"), versions.text("latest")
        for version in known:
            version_key(version)  # Refuses what cannot name a folder.
        if latest not in known:
            raise versions.error("latest", f"is {latest!r}, which is not one of `versions`")
    if wanted is not None and wanted not in known:
        raise NoArtifactError(
            f"{versions.where}: there is nothing for ExecuTorch {wanted}, only for "
            f"{', '.join(known)}. Use one of these runtimes, or publish for yours"
        )
    return wanted or latest


def index_path(versions: Fields, version: str) -> str:
    """Where a version's index is, relative to the tree's root: in its folder, unless `versions.json` has it elsewhere.

    Hosts of flat files, such as GitHub's releases, have no folders.

    Raises:
        BadCatalogueError: `indexes` of versions.json lacks the version, or names an unsafe path.
    """
    if not versions.has("indexes"):
        return f"{version}/index.json"
    with _reading():
        return check_path(versions.nested("indexes").text(version), versions.where)


def read_index(fields: Fields, version: str) -> Index:
    """Raises BadCatalogueError for a field that is missing or wrong, or names an unsafe path."""
    with _reading():
        if (found := fields.text("version")) != version:
            raise fields.error("version", f"is {found!r} in the folder of {version}")
        labels = {
            (entry.text("category"), entry.text("name")): _tree_file(entry, version)
            for entry in fields.objects("labels")
        }
        return Index(
            version,
            tuple(_artifact(entry, version, labels) for entry in fields.objects("models")),
            tuple(_unavailable(entry) for entry in fields.objects("unavailable")),
        )


@contextmanager
def _reading() -> Iterator[None]:
    """Raise errors about fields and paths as BadCatalogueError."""
    try:
        yield
    except PteError as error:
        raise BadCatalogueError(error.message) from error


def _artifact(
    entry: Fields, version: str, labels: Mapping[tuple[str, str], ListedFile]
) -> Artifact:
    model_name, precision = entry.text("modelName"), entry.text("precision")
    labels_name = entry.optional_text("labelsFile")
    key = (entry.text("category"), labels_name or "")
    if labels_name is not None and key not in labels:
        raise entry.error("labelsFile", f"is {labels_name!r}, which `labels` does not list")
    return Artifact(
        model=model_name.removesuffix(f"_{precision}"),
        model_name=model_name,
        backend=entry.text("backend"),
        precision=precision,
        platforms=entry.texts("platforms"),
        weights_source=entry.nested("weights").text("source"),
        license=entry.text("license"),
        file=_tree_file(entry, version),
        labels=labels.get(key),
        entry=entry.values,
    )


def _unavailable(entry: Fields) -> UnavailableProgram:
    return UnavailableProgram(
        entry.text("model"),
        entry.text("backend"),
        entry.text("precision"),
        entry.text("reason"),
    )


def _tree_file(entry: Fields, version: str) -> ListedFile:
    name, address = entry.text("name"), entry.text("remoteUrl")
    path = check_path(f"{version}/{entry.text('category')}/{name}", entry.where)
    if path.count("/") != 2:
        raise entry.error("name", f"is {name!r}, which is more than a file's name")
    remote = ":" in address
    if remote:
        check_address(address, where=f"{entry.where}: `remoteUrl`")
    elif check_path(address, entry.where) != path:
        raise entry.error("remoteUrl", f"is {address!r}, but the file is {path}")
    content = Content(entry.sha256("hash"), entry.count("size"))
    return ListedFile(path, address if remote else None, content)
