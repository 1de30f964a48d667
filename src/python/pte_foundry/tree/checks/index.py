"""The indexes of a tree: their schema, and the files that they promise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from jsonschema import Draft202012Validator

from pte_foundry.client.content import Content
from pte_foundry.client.index import read_index
from pte_foundry.errors import PteError
from pte_foundry.index.index import remote_url
from pte_foundry.index.schema import INDEX_SCHEMA
from pte_foundry.index.versions import check_schema_version, version_key, versions_document
from pte_foundry.records.addresses import base_url_problem
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.outside_text import shown
from pte_foundry.tree.checks.files import Defect, name_defects, read_document
from pte_foundry.tree.tree_files import INDEX, LICENSES, MODEL_CARD, VERSIONS

_LONGEST_MESSAGE = 200
_MOST_PROBLEMS = 100


def index_defects(root: Path, files: Mapping[str, Content]) -> Iterator[Defect]:
    """What is wrong with versions.json, index.json and each version's index.

    Args:
        files: all regular files of the tree, by path.
    """
    versions = [path.removesuffix(f"/{INDEX}") for path in files if path.endswith(f"/{INDEX}")]
    sound = []
    for version in versions:
        try:
            version_key(version)
            sound.append(version)
        except PteError as error:
            yield Defect(f"{version}/{INDEX}", "version", error.message)
    yield from _versions_defects(root, files, sound)
    for version in sound:
        yield from _one_index(root, files, version)
    for path in files:
        version, _, rest = path.partition("/")
        if rest.endswith(".pte") and version not in sound:
            yield Defect(path, "unlisted", f"is in a folder without {INDEX}")


def _versions_defects(
    root: Path, files: Mapping[str, Content], versions: list[str]
) -> Iterator[Defect]:
    for name in (VERSIONS, INDEX):
        if name not in files:
            yield Defect(name, "missing", "every tree has one at its root")
    try:
        expected = versions_document(versions)
        found = read_document(root, files, VERSIONS) if VERSIONS in files else expected
    except PteError as error:
        yield Defect(VERSIONS, "version", error.message)
        return
    if found != expected:
        yield Defect(
            VERSIONS, "version", f"says {shown(found)}; the tree's folders make it {expected}"
        )
    latest = f"{expected['latest']}/{INDEX}"
    if INDEX in files and files[INDEX] != files[latest]:
        yield Defect(INDEX, "version", f"is not the same as {latest}, the latest version's index")


def _one_index(root: Path, files: Mapping[str, Content], version: str) -> Iterator[Defect]:
    path = f"{version}/{INDEX}"
    try:
        document = read_document(root, files, path)
        index = Fields(document, path)
        check_schema_version(index)
    except PteError as error:
        yield Defect(path, error.kind, error.message)
        return
    problems = Draft202012Validator(INDEX_SCHEMA).iter_errors(document)
    broken = list(islice(problems, _MOST_PROBLEMS))
    for problem in broken:
        where = ".".join(str(part) for part in problem.absolute_path) or "the index"
        yield Defect(path, "schema", f"{where}: {problem.message[:_LONGEST_MESSAGE]}")
    if broken:
        return
    yield from _address_defects(path, index)
    try:
        read_index(index, version)
    except PteError as error:
        yield Defect(path, error.kind, f"the client refuses it: {error.message}")
    if index.text("version") != version:
        yield Defect(path, "version", f"says that its version is {index.text('version')}")
    promised: set[str] = set()
    for entry in (*index.objects("models"), *index.objects("labels")):
        file = f"{version}/{entry.text('category')}/{entry.text('name')}"
        if file in promised:
            yield Defect(path, "duplicate", f"lists {file} a second time")
        promised.add(file)
        yield from _promise(path, file, entry, files)
    for model in index.objects("models"):
        card = f"{version}/{model.text('category')}/{MODEL_CARD}"
        for needed in (card, f"{LICENSES}/{model.text('license')}.txt"):
            promised.add(needed)
            if needed not in files:
                yield Defect(needed, "missing", f"{model.text('name')} of {path} needs it")
    for file in files:
        if file.startswith(f"{version}/") and file not in promised | {path}:
            yield Defect(file, "unlisted", f"is beside what {path} lists, but not listed itself")


def _address_defects(path: str, index: Fields) -> Iterator[Defect]:
    """Addresses that do not follow from the base URL: they would send readers of the index elsewhere."""
    base, version = index.text("baseUrl"), index.text("version")
    if (problem := base_url_problem(base)) is not None:
        yield Defect(path, "address", f"baseUrl is {shown(base)}, which {problem}")
    for entry in (*index.objects("models"), *index.objects("labels")):
        category, name = entry.text("category"), entry.text("name")
        promised = [(entry.text("remoteUrl"), "remoteUrl", name)]
        if entry.values.get("labelsFile") is not None:
            labels = entry.text("labelsFile")
            promised.append((str(entry.get("labelsRemoteUrl")), "labelsRemoteUrl", labels))
        for found, field, file in promised:
            expected = remote_url(base, version, f"{category}/{file}")
            if found != expected:
                what = f"{field} of {category}/{name} is {shown(found)}; baseUrl makes it {shown(expected)}"
                yield Defect(path, "address", what)


def _promise(
    index: str, path: str, entry: Fields, files: Mapping[str, Content]
) -> Iterator[Defect]:
    file = files.get(path)
    if file is None:
        yield from name_defects(path)
        yield Defect(path, "missing", f"{index} lists it, but it is not in the tree")
    elif file.sha256 != entry.sha256("hash"):
        what = f"has SHA-256 {file.sha256}; {index} says {entry.sha256('hash')}"
        yield Defect(path, "hash", what)
    elif file.size != entry.count("size"):
        yield Defect(path, "size", f"has {file.size} bytes; {index} says {entry.count('size')}")
