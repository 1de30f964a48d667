"""A model repository on the Hugging Face Hub: a commit on `main` for each release, and a tag.

One request makes the commit. The tag is another one, so a run that was killed in between is completed by the next one.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    get_token,
)
from huggingface_hub.errors import HfHubHTTPError, OIDCError
from huggingface_hub.hf_api import RepoFile

from pte_foundry.errors import PteError, reason_of
from pte_foundry.publishing.durable_files import writing
from pte_foundry.publishing.merging import Release
from pte_foundry.publishing.repository import HubRepository
from pte_foundry.publishing.target import Step, check_tag
from pte_foundry.publishing.tree_content import FILE, TreeContent, check_content
from pte_foundry.records.addresses import address_problem
from pte_foundry.records.outside_text import plain

_HUB = "https://huggingface.co"
_BRANCH = "main"
_IGNORED = ".gitignore"
_REMEDY = (
    "Releases never change: restore the files with a commit that reverts the change, or publish to a new "
    "repository"
)
_WHOLE = "Nothing is published in part"


@dataclass(frozen=True)
class _Commit:
    """files: path -> the file on the Hub, without those whose names begin with `.git`. content: None without files."""

    oid: str
    files: Mapping[str, RepoFile]
    content: TreeContent | None


class HubTarget:
    """See `Target`."""

    def __init__(self, repository: HubRepository, scratch: Path) -> None:
        self._text, self._name, self._scratch = repository.text, repository.name, scratch
        self._token = self._find_token()
        endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or _HUB
        if (problem := address_problem(endpoint)) is not None:
            raise PteError(
                "bad-repository",
                f"{self._text}: the Hub's address {endpoint!r} {problem}. Correct HF_ENDPOINT, or unset it for {_HUB}",
            )
        self._api = HfApi(endpoint=endpoint, token=self._token)
        with self._asking():
            refs = self._api.list_repo_refs(self._name)
        self._tags = {tag.name: tag.target_commit for tag in refs.tags}
        tips = {branch.name: branch.target_commit for branch in refs.branches}
        if _BRANCH not in tips:
            raise PteError(
                "refused",
                f"{self._text}: there is no branch {_BRANCH}. Make it, or publish to a new repository",
            )
        self._before = self._read(tips[_BRANCH], f"{self._text}: {_BRANCH}")
        self._tagged: _Commit | None = None

    @property
    def published(self) -> TreeContent | None:
        return self._before.content

    def fit(self, release: Release, tree: Path) -> Release:
        return release

    def has(self, release: Release) -> bool:
        if release.name not in self._tags:
            return False
        self._tagged = self._before
        if self._tags[release.name] != self._before.oid:
            where = f"{self._text}: the tag {release.name}"
            self._tagged = self._read(self._tags[release.name], where)
        check_tag(self._text, release, self._tagged.content)
        return True

    def write(self, release: Release, tree: Path, message: str, step: Step) -> None:
        before = self._before.files
        additions: list[CommitOperationAdd] = []
        copies: list[CommitOperationCopy] = []
        with writing(f"{self._text}: {release.name}"):
            if self._tagged is not None:
                # The old release returns, with its pages.
                paths = set(self._tagged.files)
                copies = [
                    CommitOperationCopy(path, path, src_revision=self._tagged.oid)
                    for path, file in sorted(self._tagged.files.items())
                    if path not in before or before[path].blob_id != file.blob_id
                ]
            else:
                paths = set(release.paths)
                additions = [
                    self._addition(path, release, tree) for path in sorted(paths - release.kept)
                ]
        deletions = [
            CommitOperationDelete(path, is_folder=False) for path in sorted(before.keys() - paths)
        ]
        step("upload large files")
        with self._asking():
            self._api.preupload_lfs_files(self._name, additions, revision=_BRANCH)
        step("commit")
        summary, _, description = message.partition("\n\n")
        with self._asking():
            made = self._api.create_commit(
                self._name,
                [*additions, *copies, *deletions],
                commit_message=summary,
                commit_description=description,
                revision=_BRANCH,
                # Fails if someone else has published meanwhile.
                parent_commit=self._before.oid,
            )
        self._before = self._read(made.oid, f"{self._text}: {release.name}")
        if self._before.content is None or self._before.content.identity != release.identity:
            raise PteError(
                "rejected",
                f"{self._text}: the commit {made.oid} does not hold {release.name}, although the Hub took it. "
                f"{_REMEDY}",
            )
        self.refresh(release, step)

    def refresh(self, release: Release, step: Step) -> None:
        if release.name not in self._tags:
            step("tag")
            with self._asking(
                f"The release is on {_BRANCH}; its tag is missing, and the next run adds it"
            ):
                self._api.create_tag(
                    self._name,
                    tag=release.name,
                    tag_message=release.name,
                    revision=self._before.oid,
                )
            self._tags[release.name] = self._before.oid
        step("end")

    def _find_token(self) -> str:
        try:
            token = get_token()
        except (OIDCError, OSError) as error:
            raise PteError(
                "no-token", f"{self._text}: there is no token for the Hub ({reason_of(error)})"
            ) from error
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise PteError(
                "no-token",
                f"{self._text}: there is no token for the Hub. Set HF_TOKEN to one that may write to the repository, "
                "or log in with `hf auth login`",
            )
        return token

    def _read(self, commit: str, where: str) -> _Commit:
        with self._asking():
            listed = [
                each
                for each in self._api.list_repo_tree(self._name, recursive=True, revision=commit)
                if isinstance(each, RepoFile)
            ]
        if any(file.path == _IGNORED for file in listed):
            raise PteError(
                "refused",
                f"{where}: there is a {_IGNORED}, so the Hub would leave files out. Remove it",
            )
        files = {file.path: file for file in listed if not _is_gits(file.path)}
        if not files:
            return _Commit(commit, files, None)
        texts: dict[str, bytes] = {}

        def read(path: str) -> bytes:
            if path not in texts:
                texts[path] = self._download(commit, path)
            return texts[path]

        def sha256_of(path: str) -> str:
            lfs = files[path].lfs
            return hashlib.sha256(read(path)).hexdigest() if lfs is None else lfs.sha256

        kinds = dict.fromkeys(files, FILE)
        return _Commit(commit, files, check_content(where, kinds, read, sha256_of, _REMEDY))

    def _download(self, commit: str, path: str) -> bytes:
        with self._asking(), writing(self._text):
            place = self._api.hf_hub_download(
                self._name, path, revision=commit, local_dir=self._scratch / commit
            )
        return Path(place).read_bytes()

    def _addition(self, path: str, release: Release, tree: Path) -> CommitOperationAdd:
        content = release.texts.get(path)
        addition = CommitOperationAdd(path, tree / path if content is None else content)
        sha256, expected = addition.upload_info.sha256.hex(), release.sums.get(path)
        if (tree / path).is_symlink() or expected not in (None, sha256):
            raise PteError(
                "bad-tree",
                f"{tree / path} has SHA-256 {sha256} now and had {expected} before. Nothing may write to the tree "
                "while it is being published: try again",
            )
        return addition

    @contextmanager
    def _asking(self, state: str = _WHOLE) -> Iterator[None]:
        """Raise the library's errors as PteError, without the token.

        Args:
            state: what is published if it fails.
        """
        try:
            yield
        except HfHubHTTPError as error:
            raise self._refusal(error, state) from None
        except ValueError as error:
            raise PteError(
                "rejected",
                f"{self._text}: {self._plain(error)}. Correct what the Hub says. {state}",
            ) from None
        except (
            Exception
        ) as error:  # The HTTP library and that of the storage have kinds of their own.
            if isinstance(error, PteError):
                raise
            reason = self._plain(error)
            if error.__cause__ is not None:
                reason += f" ({self._plain(error.__cause__)})"
            raise PteError(
                "unreachable",
                f"{self._text}: {self._api.endpoint} does not answer as it should: {reason}. {state}. Publish "
                "again when it does: large files that were sent are kept",
            ) from None

    def _refusal(self, error: HfHubHTTPError, state: str) -> PteError:
        status = error.response.status_code
        advice = {
            401: "Set HF_TOKEN to a token that is valid",
            403: "Set HF_TOKEN to a token that may write to this repository",
            404: "Create the repository (`hf repos create`), correct its name, or use a token that may see it",
            409: "Someone else has published meanwhile: publish again",
            412: "Someone else has published meanwhile: publish again",
        }.get(status, "Publish again" if status >= 500 else "Correct what the Hub says")
        kind = "unreachable" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "rejected"
        said = error.server_message or reason_of(error)
        return PteError(
            kind, f"{self._text}: HTTP {status}: {self._plain(said)}. {state}. {advice}"
        )

    def _plain(self, said: object) -> str:
        text = plain(" ".join(str(said).split()), 1000)
        return text.replace(self._token, "…").rstrip(".")


def open_hub(repository: HubRepository, scratch: Path) -> HubTarget:
    """Open the branch `main` of a repository.

    Raises:
        PteError: `no-token`; `rejected` for a repository that is missing or may not be read; `bad-tree` for a branch
            that holds anything but a tree; `refused`, `unreachable`.
    """
    # Progress of uploads is shown; that a header repeats what was said is not.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    return HubTarget(repository, scratch)


def _is_gits(path: str) -> bool:
    """As in a git repository, files with such names are left alone."""
    return any(part.startswith(".git") for part in path.split("/"))
