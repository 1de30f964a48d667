"""Releases of a repository on GitHub, with every file of the tree as an asset.

A release is a draft, which only its makers see, until all of its assets are there; then one request publishes it. So a
killed run leaves a draft at most, and the next one continues it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

from pte_foundry.errors import PteError
from pte_foundry.publishing.asset_sources import (
    AssetSource,
    HashedReader,
    fetched_source,
    file_source,
    has_content,
    text_source,
)
from pte_foundry.publishing.durable_files import writing
from pte_foundry.publishing.flat_release import asset_name, check_names, rewritten, tree_path
from pte_foundry.publishing.github_api import Broken, GithubApi
from pte_foundry.publishing.github_releases import Asset, GithubReleases, Hosted
from pte_foundry.publishing.merging import Release
from pte_foundry.publishing.release import is_release_name
from pte_foundry.publishing.repository import GithubRepository
from pte_foundry.publishing.target import Step
from pte_foundry.publishing.tree_content import FILE, TreeContent, check_content, versions_of

# https://docs.github.com/en/repositories/releasing-projects-on-github/about-releases
LARGEST_ASSET = (2 << 30) - 1
MOST_ASSETS = 1000
# GitHub refuses a description of more than 125,000 characters.
_LONGEST_BODY = 120_000
_REMEDY = "Releases never change: delete this one on GitHub, with its tag, and publish again"


class GithubTarget:
    """See `Target`."""

    def __init__(self, releases: GithubReleases, scratch: Path) -> None:
        self._releases, self._text, self._scratch = releases, releases.text, scratch
        self._there: Hosted | None = None
        self.published: TreeContent | None = None
        self._latest = releases.latest()
        if self._latest is not None:
            if not is_release_name(self._latest.tag):
                raise PteError(
                    "refused",
                    f"{self._text}: its latest release is {self._latest.tag!r}, which is not one of a tree. Publish to "
                    "a repository of its own",
                )
            self.published = self._read(self._latest)

    def fit(self, release: Release, tree: Path) -> Release:
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
        # An index for each version, index.json, versions.json.
        count = len(release.paths) + len(versions_of(release.sums)) + 2
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
            self._there = self._releases.with_tag(release.name)
            if self._there is None:
                return False
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
            self._releases.change(self._there, {"make_latest": "true"})
            step("end")
            return
        with writing(f"{self._text}: {release.name}"):
            sources = self._sources(release, tree)
            draft = self._releases.draft(release.name)
            if draft is None:
                step("create the draft")
                draft = self._releases.create_draft(release.name, _body(message))
            missing = sources.keys() - self._compared(draft, sources)
            for name in sorted(missing):
                step(f"upload {name}")
                self._upload(draft, name, sources[name])
            complete = self._compared(self._releases.again(draft), sources, sent=missing)
        if complete != sources.keys():
            raise self._disturbed(draft, sorted(sources.keys() - complete))
        step("publish")
        self._check_latest()
        values = {"draft": False, "make_latest": "true", "body": _body(message)}
        self._releases.change(draft, values)
        step("end")

    def refresh(self, release: Release, step: Step) -> None:
        step("end")

    def _read(self, hosted: Hosted) -> TreeContent:
        """The checked content of a release that is published."""
        where = f"{self._text}: {hosted.tag}"
        assets = {path: each for name, each in hosted.assets.items() if (path := tree_path(name))}
        kinds = {
            path: FILE if each.whole else "half-uploaded asset" for path, each in assets.items()
        }
        cache: dict[str, bytes] = {}

        def read(path: str) -> bytes:
            if path not in cache:
                content = bytearray()
                self._releases.download(assets[path], content.extend)
                cache[path] = bytes(content)
            return cache[path]

        content = check_content(
            where, kinds, read, lambda path: self._releases.sha256(assets[path]), _REMEDY
        )
        documents = rewritten(content.versions, read, self._releases.address(hosted.tag))
        for name, expected in documents.items():
            found = hosted.assets.get(name)
            sha256 = None if found is None else self._releases.sha256(found)
            if sha256 != hashlib.sha256(expected).hexdigest():
                what = "is missing" if found is None else "is not what the tree makes of it"
                raise PteError("bad-tree", f"{where}: the asset {name} {what}. {_REMEDY}")
        return content

    def _sources(self, release: Release, tree: Path) -> dict[str, AssetSource]:
        """Asset name -> content, of all assets of the release."""
        published = self._latest.assets if self._latest else {}

        def read(path: str) -> bytes:
            if path in release.texts:
                return release.texts[path]
            if path in release.kept:
                assert self.published is not None
                return self.published.read(path)
            return (tree / path).read_bytes()

        sources: dict[str, AssetSource] = {}
        for path in release.paths:
            name, expected = asset_name(path), release.sums.get(path)
            if path in release.texts:
                sources[name] = text_source(release.texts[path])
            elif path in release.kept and not has_content(tree / path, expected):
                sources[name] = self._carried(published[name], expected)
            else:
                sources[name] = file_source(tree / path, expected)
        address = self._releases.address(release.name)
        documents = rewritten(versions_of(release.sums), read, address)
        return {**sources, **{name: text_source(text) for name, text in documents.items()}}

    def _carried(self, asset: Asset, expected: str | None) -> AssetSource:
        """An asset of the current release, which GitHub cannot copy."""
        return fetched_source(
            asset.size,
            expected or self._releases.sha256(asset),
            self._scratch / asset.name,
            lambda file: self._releases.download(asset, file.write),
        )

    def _compared(
        self, draft: Hosted, sources: Mapping[str, AssetSource], sent: Collection[str] = ()
    ) -> set[str]:
        """The names of the assets that are there; what an interrupted upload left is removed.

        Args:
            sent: those that were hashed while they were sent, and need not be fetched if the host says no hash.

        Raises:
            PteError: `refused` for others, which are never replaced.
        """
        there: set[str] = set()
        for name, asset in draft.assets.items():
            if not asset.whole:
                self._releases.remove(asset)
                continue
            source = sources.get(name)
            if source is None or asset.size != source.size:
                raise self._disturbed(draft, [name])
            is_known = asset.sha256 is not None or name not in sent
            if is_known and self._releases.sha256(asset) != source.sha256:
                raise self._disturbed(draft, [name])
            there.add(name)
        return there

    def _upload(self, draft: Hosted, name: str, source: AssetSource) -> None:
        url = f"{draft.upload_url.partition('{')[0]}?{urlencode({'name': name})}"
        attempt = 0
        while True:
            try:
                with source.open() as file:
                    reader = HashedReader(file)
                    made = Asset.read(self._releases.api.upload(url, reader, source.size))
                break
            except Broken as error:
                attempt += 1
                self._releases.api.pause(error, attempt)
                # It may be there nonetheless, or in part.
                left = self._releases.again(draft).assets
                again = replace(draft, assets={name: left[name]} if name in left else {})
                if name in self._compared(again, {name: source}):
                    return
        if reader.sha256 != source.sha256:
            self._releases.remove(made)
            raise PteError(
                "bad-tree",
                f"{self._text}: what {name} was made from has changed since it was checked. Nothing may write to the "
                "tree while it is being published: try again",
            )
        if made.name != name or made.sha256 not in (None, source.sha256):
            raise PteError(
                "rejected",
                f"{self._text}: GitHub has made {made.name!r}, with SHA-256 {made.sha256}, of the asset {name!r}, with "
                f"SHA-256 {source.sha256}. Delete the draft, and publish again",
            )

    def _check_latest(self) -> None:
        """Raise PteError `rejected` if someone has published since this target was opened."""
        latest = self._releases.latest()
        if (latest and latest.number) != (self._latest and self._latest.number):
            raise PteError(
                "rejected",
                f"{self._text}: someone else has published {latest.tag if latest else 'nothing'} meanwhile. Publish "
                "again, to merge with that",
            )

    def _disturbed(self, draft: Hosted, names: Iterable[str]) -> PteError:
        return PteError(
            "refused",
            f"{self._text}: the draft of {draft.tag} has other assets than this tree: {', '.join(names)}. Another "
            "process publishes there, or one was interrupted that had other pages. If none does now, delete the draft "
            "on GitHub, and publish again",
        )


def open_github(repository: GithubRepository, scratch: Path) -> GithubTarget:
    """Open the releases of a repository.

    Raises:
        PteError: `no-token`; `refused` for a repository that is missing, read-only, or has other releases; `bad-tree`
            for a release that was changed after it was published; `unreachable`, `rejected`.
    """
    api = GithubApi(repository.text)
    return GithubTarget(GithubReleases(repository.text, repository.name, api), scratch)


def _body(message: str) -> str:
    """The description of a release: the text as it is, cut if it is too long for GitHub."""
    if len(message) > _LONGEST_BODY:
        message = message[:_LONGEST_BODY].rpartition("\n")[0] + "\n…\n"
    return f"```text\n{message}```\n"
