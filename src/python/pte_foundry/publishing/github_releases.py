"""The releases of a repository on GitHub, and their assets, as they are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pte_foundry.errors import PteError
from pte_foundry.publishing.github_api import GithubApi
from pte_foundry.records.addresses import address_problem
from pte_foundry.records.json_fields import Fields


@dataclass(frozen=True)
class Asset:
    """`sha256` is None where the host does not say it. An interrupted upload leaves one that is not `whole`."""

    number: int
    name: str
    size: int
    whole: bool
    sha256: str | None

    @staticmethod
    def read(fields: Fields) -> Asset:
        digest = str(fields.values.get("digest") or "")
        return Asset(
            fields.count("id"),
            fields.text("name"),
            fields.count("size"),
            fields.text("state") == "uploaded",
            digest.removeprefix("sha256:") if digest.startswith("sha256:") else None,
        )


@dataclass(frozen=True)
class Hosted:
    """A release, or a draft of one. `upload_url`: where its assets are sent; their name is a parameter."""

    number: int
    tag: str
    upload_url: str
    assets: Mapping[str, Asset]


class GithubReleases:
    """What is on GitHub, and the changes that can be made. Errors are those of `GithubApi`."""

    def __init__(self, text: str, name: str, api: GithubApi) -> None:
        """Args:
            text: the entry of `repositories`, for messages.
            name: owner and repository.

        Raises:
            PteError: `refused` for a repository in which one cannot publish.
        """
        self.text, self.api = text, api
        self._path = f"repos/{name}"
        self._home = self._find_home()

    def address(self, tag: str) -> str:
        """Where everyone can download a release's assets, without a final slash."""
        return f"{self._home}/releases/download/{tag}"

    def latest(self) -> Hosted | None:
        """The release that is marked so."""
        return self._found(f"{self._path}/releases/latest")

    def with_tag(self, tag: str) -> Hosted | None:
        """A published release."""
        return self._found(f"{self._path}/releases/tags/{tag}")

    def draft(self, tag: str) -> Hosted | None:
        """The oldest draft with this tag: others cannot be published after it."""
        drafts = [
            each
            for each in self.api.list(f"{self._path}/releases")
            if each.flag("draft") and each.text("tag_name") == tag
        ]
        return self._hosted(min(drafts, key=lambda each: each.count("id"))) if drafts else None

    def create_draft(self, tag: str, body: str) -> Hosted:
        values = {"tag_name": tag, "name": tag, "body": body, "draft": True}
        return self._hosted(self.api.create(f"{self._path}/releases", values))

    def again(self, hosted: Hosted) -> Hosted:
        """The release as it is now."""
        found = self._found(f"{self._path}/releases/{hosted.number}")
        if found is None:
            raise PteError(
                "rejected",
                f"{self.text}: someone has deleted the draft of {hosted.tag}. Publish again",
            )
        return found

    def change(self, hosted: Hosted, values: Mapping[str, object]) -> None:
        body = {"tag_name": hosted.tag, **values}
        self.api.change("PATCH", f"{self._path}/releases/{hosted.number}", body)

    def remove(self, asset: Asset) -> None:
        self.api.change("DELETE", f"{self._path}/releases/assets/{asset.number}")

    def sha256(self, asset: Asset) -> str:
        """Of the content. Older GitHub Enterprise Servers do not say it, so it is downloaded."""
        return asset.sha256 or self.download(asset, lambda block: None)

    def download(self, asset: Asset, take: Callable[[bytes], object]) -> str:
        """Pass the content to `take`, block by block; its SHA-256."""
        sha256, size = self.api.download(f"{self._path}/releases/assets/{asset.number}", take)
        if size != asset.size or sha256 != (asset.sha256 or sha256):
            raise PteError(
                "unreachable",
                f"{self.text}: {size} bytes of the asset {asset.name} arrived, with SHA-256 {sha256}; GitHub says "
                f"{asset.size} bytes{f', {asset.sha256}' if asset.sha256 else ''}. Publish again",
            )
        return sha256

    def _find_home(self) -> str:
        """The address of the repository's page."""
        about = self.api.find(self._path)
        if about is None:
            raise PteError(
                "refused",
                f"{self.text}: there is no such repository, or GITHUB_TOKEN may not see it. Create it, with a commit, "
                "or correct the name or the token",
            )
        if about.has("archived") and about.flag("archived"):
            raise PteError(
                "refused", f"{self.text}: it is archived. Publish to another one, or unarchive it"
            )
        if about.has("permissions") and not about.nested("permissions").flag("push"):
            raise PteError(
                "refused",
                f"{self.text}: GITHUB_TOKEN may not write to it. Use a token that may write its contents",
            )
        home = about.text("html_url")
        if (problem := address_problem(home)) is not None:
            raise about.error("html_url", problem)
        return home

    def _found(self, path: str) -> Hosted | None:
        fields = self.api.find(path)
        return None if fields is None else self._hosted(fields)

    def _hosted(self, fields: Fields) -> Hosted:
        number = fields.count("id")
        listed = self.api.list(f"{self._path}/releases/{number}/assets")
        assets = [Asset.read(each) for each in listed]
        return Hosted(
            number,
            fields.text("tag_name"),
            fields.text("upload_url"),
            {asset.name: asset for asset in assets},
        )
