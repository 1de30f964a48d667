"""Small trees for the tests of publishing."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from pte_foundry.index.index import remote_url
from pte_foundry.publishing.publish import publish
from pte_foundry.publishing.release import release_name
from pte_foundry.publishing.tree_content import TreeContent
from pte_foundry.publishing.tree_folder import read_folder
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import canonical_json
from pte_foundry.records.publish_request import RequestedRelease

PROGRAMS = {"alpha_portable": b"portable", "alpha_xnnpack": b"fast"}


def write_tree(
    folder: Path,
    programs: Mapping[str, bytes] = PROGRAMS,
    *,
    version: str = "1.4.1",
    source: str = "official",
    base_url: str = "https://example.org/models",
    labels: bytes = b"cat\ncup",
    readme: str = "Read me.\n",
    license_id: str = "MIT",
    commit: str = "0a",
    measured: str | None = None,
) -> Path:
    """A tree as `package` writes it, of the family `toy`; what lay in `folder` is gone.

    programs: stem of a `.pte` -> its bytes; the address is `models/toy:<stem>`.
    commit: what the statement of provenance says, which SHA256SUMS does not cover.
    measured: the content of a picture of what was measured, which it does not cover either.
    """
    shutil.rmtree(folder, ignore_errors=True)
    files = {f"{version}/toy/{stem}.pte": content for stem, content in programs.items()}
    index = {
        "version": version,
        "baseUrl": base_url,
        "models": [
            {
                "name": f"{stem}.pte",
                "category": "toy",
                "address": f"models/toy:{stem}",
                "hash": hashlib.sha256(content).hexdigest(),
                "size": len(content),
                "modelName": stem.rpartition("_")[0],
                "backend": stem.rpartition("_")[2],
                "precision": "fp32",
                "platforms": ["linux"],
                "license": license_id,
                "labelsFile": "labels.txt",
                "remoteUrl": remote_url(base_url, version, f"toy/{stem}.pte"),
                "labelsRemoteUrl": remote_url(base_url, version, "toy/labels.txt"),
                "weights": {"source": source},
            }
            for stem, content in programs.items()
        ],
        "labels": [
            {
                "name": "labels.txt",
                "category": "toy",
                "hash": hashlib.sha256(labels).hexdigest(),
                "size": len(labels),
                "remoteUrl": remote_url(base_url, version, "toy/labels.txt"),
            }
        ],
        "unavailable": [],
    }
    text = canonical_json(index).encode()
    files |= {
        f"{version}/toy/labels.txt": labels,
        f"{version}/index.json": text,
        "index.json": text,
        "versions.json": canonical_json({"versions": [version], "latest": version}).encode(),
        "README.md": readme.encode(),
        f"LICENSES/{license_id}.txt": b"the text",
    }
    sums = {path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())}
    subjects = [{"name": path, "digest": {"sha256": sha256}} for path, sha256 in sums.items()]
    if measured is not None:
        files["measured/toy.svg"] = measured.encode()
        digest = {"sha256": hashlib.sha256(measured.encode()).hexdigest()}
        subjects.append({"name": "measured/toy.svg", "digest": digest})
    files["SHA256SUMS"] = "".join(f"{sha256}  {path}\n" for path, sha256 in sums.items()).encode()
    files["provenance.intoto.json"] = canonical_json(
        {"subject": subjects, "predicate": {"commit": commit}}
    ).encode()
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder


def read_tree(folder: Path) -> TreeContent:
    return read_folder(folder, "the tree", "Package it again")


def release_of(tree: Path, version: str = "1.4.1") -> str:
    """The name of the release that the tree makes."""
    return release_name(version, read_tree(tree).sums)


def publish_tree(folder: Path, *repositories: str, **changes: object) -> str:
    """Publish `folder/tree`; the lines that are printed. changes: see `request_for`."""
    lines: list[str] = []
    publish(request_for(folder, *repositories, **changes), lines.append)
    return "\n".join(lines)


def request_for(folder: Path, *repositories: str, **changes: object) -> RequestedRelease:
    """A request to publish `folder/tree`.

    changes: fields of the request, and permissions to give: `unofficial`, `changed`, `removed`.
    """
    allow = {name: changes.pop(name, False) for name in ("unofficial", "changed", "removed")}
    shutil.rmtree(folder / "scratch", ignore_errors=True)
    values = {
        "tree": "//:tree",
        "folder": str(folder / "tree"),
        "scratch": str(folder / "scratch"),
        "build_root": str(folder),
        "repositories": list(repositories),
        "git_lfs": False,
        "allow": allow,
        **changes,
    }
    return RequestedRelease.read(Fields(values, "publish_request.json"))


def files_below(folder: Path) -> dict[str, bytes]:
    """Path -> content of all files of a tree; git's own and locks left out. No symlink is followed."""
    return {
        str(path.relative_to(folder)): b"symlink" if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if (path.is_symlink() or path.is_file())
        and not {".git", ".publish.lock"} & set(path.relative_to(folder).parts)
    }
