"""What a client reads of `versions.json` and of one version's `index.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pte_foundry.client.address import check_address
from pte_foundry.client.content import Content
from pte_foundry.client.documents import reading
from pte_foundry.client.errors import NoArtifactError
from pte_foundry.index.versions import version_key
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.paths import check_path


@dataclass(frozen=True)
class ListedFile:
    """A file of the tree.

    Attributes:
        path: relative to the tree's root, with `/`.
        url: the publisher's https address of it; None where it is the root's address and `path`.
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
        labels: the file with one class name a line, in the order of the outputs; None if the model
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


def choose_version(versions: Fields, wanted: str | None) -> str:
    """The version to read: the wanted one, else the latest.

    Raises:
        BadCatalogueError: `versions` is not what a tree's versions.json is.
        NoArtifactError: the wanted version is not there.
    """
    with reading():
        known, latest = versions.texts("versions"), versions.text("latest")
        for version in known:
            version_key(version)  # Refuses what could be no folder's name.
        if latest not in known:
            raise versions.error("latest", f"is {latest!r}, which is not one of `versions`")
    if wanted is not None and wanted not in known:
        raise NoArtifactError(
            f"{versions.where}: there is nothing for ExecuTorch {wanted}, only for "
            f"{', '.join(known)}. Use one of these runtimes, or publish for yours"
        )
    return wanted or latest


def read_index(fields: Fields, version: str) -> Index:
    """Raises BadCatalogueError for a field that is missing, wrong or names an unsafe path."""
    with reading():
        if fields.text("version") != version:
            raise fields.error(
                "version", f"is {fields.text('version')!r} in the folder of {version}"
            )
        labels = {
            (entry.text("category"), entry.text("name")): _tree_file(entry, "remoteUrl", version)
            for entry in fields.objects("labels")
        }
        return Index(
            version,
            tuple(_artifact(entry, version, labels) for entry in fields.objects("models")),
            tuple(_unavailable(entry) for entry in fields.objects("unavailable")),
        )


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
        file=_tree_file(entry, "remoteUrl", version),
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


def _tree_file(entry: Fields, url_field: str, version: str) -> ListedFile:
    path = f"{version}/{entry.text('category')}/{entry.text('name')}"
    check_path(path, entry.where)
    if path.count("/") != 2:
        raise entry.error("name", f"is {entry.text('name')!r}, which is more than a file's name")
    url: str | None = entry.text(url_field)
    if ":" in entry.text(url_field):
        check_address(entry.text(url_field), where=f"{entry.where}: `{url_field}`")
    elif check_path(entry.text(url_field), entry.where) != path:
        raise entry.error(url_field, f"is {url!r}, but the file is {path}")
    else:
        url = None
    return ListedFile(path, url, Content(entry.sha256("hash"), entry.count("size")))
