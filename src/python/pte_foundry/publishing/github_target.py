"""Releases of a repository on GitHub, with every file of the tree as an asset.

A release is a draft, which only its makers see, until all of its assets are there; then one request publishes it. So a
killed run leaves a draft at most, and the next one continues it.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlencode

from pte_foundry.errors import PteError
from pte_foundry.publishing.durable_files import writing
from pte_foundry.publishing.flat_release import asset_name, check_names, rewritten, tree_path
from pte_foundry.publishing.github_api import Broken, GithubApi
from pte_foundry.publishing.merging import Release
from pte_foundry.publishing.release import is_release_name
from pte_foundry.publishing.repository import GithubRepository
from pte_foundry.publishing.target import Step
from pte_foundry.publishing.tree_content import FILE, TreeContent, check_content, versions_of
from pte_foundry.publishing.tree_folder import file_sha256
from pte_foundry.records.addresses import address_problem
from pte_foundry.records.json_fields import Fields

# https://docs.github.com/en/repositories/releasing-projects-on-github/about-releases
LARGEST_ASSET = (2 << 30) - 1
MOST_ASSETS = 1000
# GitHub refuses a description of more than 125,000 characters.
_LONGEST_BODY = 120_000
_UPLOADED = "uploaded"
_REMEDY = (
    "Releases never change: delete this one on GitHub, with its tag, and publish again"
)


@dataclass(frozen=True)
class _Asset:
    """`sha256` is None where the host does not say it; `state` is `uploaded` for a whole one."""

    number: int
    size: int
    state: str
    sha256: str | None


@dataclass(frozen=True)
class _Hosted:
    """A release, or a draft of one, as it is on GitHub."""

    number: int
    tag: str
    upload_url: str
    assets: Mapping[str, _Asset]


@dataclass(frozen=True)
class _Source:
    """What an asset is to hold. `open` may have to fetch it first."""

    size: int
    sha256: str
    open: Callable[[], BinaryIO]


class GithubTarget:
    """See `Target`."""

    def __init__(self, repository: GithubRepository, api: GithubApi, scratch: Path) -> None:
        self._text, self._api, self._scratch = repository.text, api, scratch
        self._path = f"repos/{repository.name}"
        self._home = self._find_repository()
        self._latest: _Hosted | None = None
        self._there: _Hosted | None = None
        self.published: TreeContent | None = None
        latest = api.find(f"{self._path}/releases/latest")
        if latest is not None:
            tag = latest.text("tag_name")
            if not is_release_name(tag):
                raise PteError(
                    "refused",
                    f"{self._text}: its latest release is {tag!r}, which is not one of a tree. Publish to a repository "
                    "of its own",
                )
            self._latest = self._hosted(latest)
            self.published = self._read(self._latest)

    def fit(self, release: Release, tree: Path) -> Release:
        names = {asset_name(path) for path in release.paths}
        check_names(release.paths, self._text)
        large = sorted(
            f"{path} has {size} bytes"
            for path in release.copied
            if (size := (tree / path).stat().st_size) > LARGEST_ASSET
        )
        if large:
            raise PteError(
                "refused",
                f"{self._text}: an asset has at most {LARGEST_ASSET} bytes, but {'; '.join(large)}. Leave the program "
                "out, quantize it, or publish to another kind of repository",
            )
        count = len(names) + len(versions_of(release.sums)) + 2
        if count > MOST_ASSETS:
            raise PteError(
                "refused",
                f"{self._text}: a release has at most {MOST_ASSETS} assets, but the tree needs {count}. Publish fewer "
                "programs, or to another kind of repository",
            )
        return release

    def has(self, release: Release) -> bool:
        if self._latest is not None and self._latest.tag == release.name:
            self._there, content = self._latest, self.published
        else:
            found = self._api.find(f"{self._path}/releases/tags/{release.name}")
            if found is None:
                return False
            self._there = self._hosted(found)
            content = self._read(self._there)
        assert content is not None
        if content.identity != release.identity:
            raise PteError(
                "refused",
                f"{self._text}: the release {release.name} has other content: the SHA-256 of its programs, labels, "
                f"indexes and licences is {content.identity}; for the tree to publish it is {release.identity}. "
                f"{_REMEDY}",
            )
        return True

    def write(self, release: Release, tree: Path, message: str, step: Step) -> None:
        if self._there is not None:
            step("mark as the latest")
            self._change(self._there, {"make_latest": "true"})
            step("end")
            return
        with writing(f"{self._text}: {release.name}"):
            sources = self._sources(release, tree)
            draft = self._draft(release, message, step)
            missing = sources.keys() - self._compared(draft, sources)
            for name in sorted(missing):
                step(f"upload {name}")
                self._upload(draft, name, sources[name])
            complete = self._compared(self._hosted_again(draft), sources, sent=missing)
        if complete != sources.keys():
            raise self._disturbed(draft, sorted(sources.keys() - complete))
        step("publish")
        self._change(draft, {"draft": False, "make_latest": "true", "body": _body(message)})
        step("end")

    def refresh(self, release: Release, step: Step) -> None:
        step("end")

    def _find_repository(self) -> str:
        """The address of its page. Raises PteError if one cannot publish there."""
        about = self._api.find(self._path)
        if about is None:
            raise PteError(
                "refused",
                f"{self._text}: there is no such repository, or GITHUB_TOKEN may not see it. Create it, with a commit, "
                "or correct the name or the token",
            )
        if about.has("archived") and about.flag("archived"):
            raise PteError(
                "refused", f"{self._text}: it is archived. Publish to another one, or unarchive it"
            )
        if about.has("permissions") and not about.nested("permissions").flag("push"):
            raise PteError(
                "refused",
                f"{self._text}: GITHUB_TOKEN may not write to it. Use a token that may write its contents",
            )
        home = about.text("html_url")
        if (problem := address_problem(home)) is not None:
            raise about.error("html_url", problem)
        return home

    def _read(self, hosted: _Hosted) -> TreeContent:
        """The checked content of a release that is published."""
        where = f"{self._text}: {hosted.tag}"
        assets = {path: each for name, each in hosted.assets.items() if (path := tree_path(name))}
        kinds = {
            path: FILE if each.state == _UPLOADED else "half-uploaded asset"
            for path, each in assets.items()
        }
        cache: dict[str, bytes] = {}

        def read(path: str) -> bytes:
            if path not in cache:
                content = bytearray()
                self._download(assets[path], content.extend)
                cache[path] = bytes(content)
            return cache[path]

        content = check_content(
            where, kinds, read, lambda path: self._sha256(assets[path]), _REMEDY
        )
        for name, expected in rewritten(content.versions, read, self._address(hosted.tag)).items():
            found = hosted.assets.get(name)
            if found is None or self._sha256(found) != hashlib.sha256(expected).hexdigest():
                raise PteError(
                    "bad-tree",
                    f"{where}: the asset {name} is {'missing' if found is None else 'not what the tree makes of it'}. "
                    f"{_REMEDY}",
                )
        return content

    def _sources(self, release: Release, tree: Path) -> dict[str, _Source]:
        """Asset name -> content, of all assets of the release."""
        published = self._latest.assets if self._latest else {}

        def read(path: str) -> bytes:
            if path in release.texts:
                return release.texts[path]
            if path in release.kept:
                assert self.published is not None
                return self.published.read(path)
            return (tree / path).read_bytes()

        sources: dict[str, _Source] = {}
        for path in release.paths:
            name, expected = asset_name(path), release.sums.get(path)
            if path in release.texts:
                sources[name] = _bytes_source(release.texts[path])
            elif path in release.kept and not _has(tree / path, expected):
                sources[name] = self._published_source(name, published[name], expected)
            else:
                sources[name] = _file_source(tree / path, expected)
        address = self._address(release.name)
        documents = rewritten(versions_of(release.sums), read, address)
        return {**sources, **{name: _bytes_source(text) for name, text in documents.items()}}

    def _published_source(self, name: str, asset: _Asset, expected: str | None) -> _Source:
        """An asset of the current release, which GitHub cannot copy."""
        sha256 = expected or self._sha256(asset)

        def fetch() -> BinaryIO:
            self._scratch.mkdir(parents=True, exist_ok=True)
            path = self._scratch / name
            with path.open("wb") as file:
                self._download(asset, file.write)
            return _OpenOnce(path)

        return _Source(asset.size, sha256, fetch)

    def _draft(self, release: Release, message: str, step: Step) -> _Hosted:
        """The draft that a killed run left, or else a new one."""
        drafts = [
            each
            for each in self._api.list(f"{self._path}/releases")
            if each.flag("draft") and each.text("tag_name") == release.name
        ]
        if drafts:
            return self._hosted(min(drafts, key=lambda each: each.count("id")))
        step("create the draft")
        body = {
            "tag_name": release.name,
            "name": release.name,
            "body": _body(message),
            "draft": True,
        }
        return self._hosted(self._api.create(f"{self._path}/releases", body))

    def _compared(
        self, draft: _Hosted, sources: Mapping[str, _Source], sent: Collection[str] = ()
    ) -> set[str]:
        """The names of the assets that are there; what an interrupted upload left is removed.

        Args:
            sent: those that were hashed while they were sent, and need not be fetched if the host says no hash.

        Raises PteError `refused` for others, which are never replaced.
        """
        there: set[str] = set()
        for name, asset in draft.assets.items():
            if asset.state != _UPLOADED:
                self._remove(asset)
                continue
            source = sources.get(name)
            known = asset.sha256 is not None or name not in sent
            if (
                source is None
                or asset.size != source.size
                or (known and self._sha256(asset) != source.sha256)
            ):
                raise self._disturbed(draft, [name])
            there.add(name)
        return there

    def _upload(self, draft: _Hosted, name: str, source: _Source) -> None:
        url = f"{draft.upload_url.partition('{')[0]}?{urlencode({'name': name})}"
        attempt = 0
        while True:
            try:
                with source.open() as file:
                    digest = hashlib.sha256()
                    reader = _Hashed(file, digest.update)
                    fields = self._api.upload(url, reader, source.size)
                break
            except Broken as error:
                attempt += 1
                self._api.pause(error, attempt)
                # It may be there nonetheless, or in part.
                left = self._hosted_again(draft).assets
                again = replace(draft, assets={name: left[name]} if name in left else {})
                if name in self._compared(again, {name: source}):
                    return
        asset = _asset(fields)
        if digest.hexdigest() != source.sha256:
            self._remove(asset)
            raise PteError(
                "bad-tree",
                f"{self._text}: what {name} was made from has changed since it was checked. Nothing may write to the "
                "tree while it is being published: try again",
            )
        if fields.text("name") != name or (asset.sha256 or source.sha256) != source.sha256:
            raise PteError(
                "rejected",
                f"{self._text}: GitHub has made {fields.text('name')!r}, with SHA-256 {asset.sha256}, of the asset "
                f"{name!r}, with SHA-256 {source.sha256}. Delete the draft, and publish again",
            )

    def _disturbed(self, draft: _Hosted, names: Iterable[str]) -> PteError:
        return PteError(
            "refused",
            f"{self._text}: the draft of {draft.tag} has other assets than this tree: {', '.join(names)}. Another "
            "process publishes there, or one was interrupted that had other pages. If none does now, delete the draft "
            "on GitHub, and publish again",
        )

    def _change(self, hosted: _Hosted, values: Mapping[str, object]) -> None:
        body = {"tag_name": hosted.tag, **values}
        self._api.change("PATCH", f"{self._path}/releases/{hosted.number}", body)

    def _remove(self, asset: _Asset) -> None:
        self._api.change("DELETE", f"{self._path}/releases/assets/{asset.number}")

    def _sha256(self, asset: _Asset) -> str:
        # Older GitHub Enterprise Servers do not say it.
        return asset.sha256 or self._download(asset, lambda block: None)

    def _download(self, asset: _Asset, take: Callable[[bytes], object]) -> str:
        """Pass an asset to `take`, block by block; its SHA-256."""
        sha256, size = self._api.download(f"{self._path}/releases/assets/{asset.number}", take)
        if size != asset.size or sha256 != (asset.sha256 or sha256):
            raise PteError(
                "unreachable",
                f"{self._text}: {size} bytes of an asset arrived, with SHA-256 {sha256}; GitHub says {asset.size} bytes"
                f"{f', {asset.sha256}' if asset.sha256 else ''}. Publish again",
            )
        return sha256

    def _address(self, tag: str) -> str:
        return f"{self._home}/releases/download/{tag}"

    def _hosted_again(self, hosted: _Hosted) -> _Hosted:
        found = self._api.find(f"{self._path}/releases/{hosted.number}")
        if found is None:
            raise PteError(
                "rejected",
                f"{self._text}: someone has deleted the draft of {hosted.tag}. Publish again",
            )
        return self._hosted(found)

    def _hosted(self, fields: Fields) -> _Hosted:
        number = fields.count("id")
        listed = self._api.list(f"{self._path}/releases/{number}/assets")
        assets = {each.text("name"): _asset(each) for each in listed}
        return _Hosted(number, fields.text("tag_name"), fields.text("upload_url"), assets)


class _Hashed:
    """A file that shows each block that is read of it."""

    def __init__(self, file: BinaryIO, update: Callable[[bytes], object]) -> None:
        self._file, self._update = file, update

    def read(self, size: int = -1, /) -> bytes:
        block = self._file.read(size)
        self._update(block)
        return block


class _OpenOnce(io.FileIO):
    """A file that nobody needs again."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        path.unlink()


def open_github(repository: GithubRepository, scratch: Path) -> GithubTarget:
    """Open the releases of a repository.

    Raises:
        PteError: `no-token`; `refused` for a repository that is missing, read-only, or has other releases; `bad-tree`
            for a release that was changed after it was published; `unreachable`, `rejected`.
    """
    return GithubTarget(repository, GithubApi(repository.text), scratch)


def _asset(fields: Fields) -> _Asset:
    digest = str(fields.values.get("digest") or "")
    sha256 = digest.removeprefix("sha256:") if digest.startswith("sha256:") else None
    return _Asset(fields.count("id"), fields.count("size"), fields.text("state"), sha256)


def _has(path: Path, sha256: str | None) -> bool:
    return path.is_file() and not path.is_symlink() and file_sha256(path) == sha256


def _file_source(path: Path, sha256: str | None) -> _Source:
    # A symlink may have replaced the file in the meantime.
    def open_it() -> BinaryIO:
        return open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")

    return _Source(path.stat().st_size, sha256 or file_sha256(path), open_it)


def _bytes_source(content: bytes) -> _Source:
    return _Source(len(content), hashlib.sha256(content).hexdigest(), lambda: io.BytesIO(content))


def _body(message: str) -> str:
    """The description of a release: the text as it is, cut if it is too long for GitHub."""
    if len(message) > _LONGEST_BODY:
        message = message[:_LONGEST_BODY].rpartition("\n")[0] + "\n…\n"
    return f"```text\n{message}```\n"
