"""Where a tree can be published: the `repositories` of a `model_tree`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from pte_foundry.errors import PteError
from pte_foundry.records.paths import check_path
from pte_foundry.records.publish_request import GITHUB, HUGGING_FACE

_KNOWN = (
    "`file:FOLDER`, `github:OWNER/NAME`, `hf:OWNER/NAME`, `git+ssh://…`, `git+https://…` or "
    "`git+file:PATH`, the git ones with `#branch=…`"
)
# Stricter than git: no name that a shell, an option parser or a refspec could misread.
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_+-]*([./][A-Za-z0-9_+-]+)*", re.ASCII)
_OPTIONS = ("branch", "folder")
# What both hosts allow, and no URL has to escape.
_HOSTED = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*/(?!\.)[A-Za-z0-9._-]+", re.ASCII)


@dataclass(frozen=True)
class DirectoryRepository:
    """A folder of releases, as in `file:/srv/models`. `text`: the entry of the target."""

    text: str
    folder: Path


@dataclass(frozen=True)
class GitRepository:
    """A branch of a git repository.

    Attributes:
        text: the entry of the target.
        url: for git's command line.
        branch: the branch of the releases.
        folder: the tree's folder in the repository; "" for its root.
        checkout: the working tree to update afterwards, whose `origin` is the repository; None if
            `url` is the repository.
    """

    text: str
    url: str
    branch: str
    folder: str
    checkout: Path | None


@dataclass(frozen=True)
class GithubRepository:
    """The releases of a repository on GitHub. `name`: owner and repository, `ada/models`."""

    text: str
    name: str


@dataclass(frozen=True)
class HubRepository:
    """A model repository on the Hugging Face Hub. `name`: owner and repository, `ada/models`."""

    text: str
    name: str


Repository = DirectoryRepository | GitRepository | GithubRepository | HubRepository


def parse_repository(text: str, build_root: Path) -> Repository:
    """Read one entry of `repositories`; relative paths start at `build_root`.

    Raises:
        PteError: `bad-repository` with the reason. A password in the entry is not repeated.
    """
    if not unquote(text).isprintable():
        raise _bad(_without_secret(text), "has an unprintable character")
    if text.startswith("file:"):
        return DirectoryRepository(text, _path(text, text.removeprefix("file:"), build_root))
    for hosted, kind in ((GITHUB, GithubRepository), (HUGGING_FACE, HubRepository)):
        if text.startswith(f"{hosted}:"):
            name = text.removeprefix(f"{hosted}:")
            if not _HOSTED.fullmatch(name):
                raise _bad(
                    _without_secret(text), f"names no repository. Write `{hosted}:OWNER/NAME`"
                )
            return kind(text, name)
    location, _, fragment = text.partition("#")
    scheme = location.partition(":")[0]
    if scheme not in ("git+file", "git+https", "git+ssh"):
        raise _bad(_without_secret(text), f"has an unknown scheme. Write {_KNOWN}")
    url = location.removeprefix("git+")
    try:
        parts, host = urlsplit(url), urlsplit(url).hostname
    except ValueError as error:
        raise _bad(_without_secret(text), f"has an unreadable host ({error})") from error
    if (scheme == "git+https" and "@" in parts.netloc) or parts.password is not None:
        raise _bad(
            _without_secret(text),
            "holds credentials, which everyone with this repository could read. Leave them out and "
            "let git ask its credential helper",
        )
    branch, folder = _options(text, fragment)
    if scheme != "git+file":
        if not host or host.startswith("-") or not parts.path.strip("/"):
            raise _bad(text, f"has no host or no path. Write {_KNOWN}")
        return GitRepository(text, url, branch, folder, None)
    path = _path(text, url.removeprefix("file:"), build_root)
    if os.path.exists(path / ".git"):
        return GitRepository(text, "origin", branch, folder, path)
    return GitRepository(text, path.as_uri(), branch, folder, None)


def _options(text: str, fragment: str) -> tuple[str, str]:
    options = parse_qsl(fragment, keep_blank_values=True)
    names = [name for name, _ in options]
    if len(set(names)) != len(names) or not set(names) <= set(_OPTIONS):
        raise _bad(text, "has an option after `#` twice, or one that is not `branch` or `folder`")
    values = dict(options)
    branch = values.get("branch", "")
    if not _BRANCH.fullmatch(branch) or branch.endswith(".lock"):
        raise _bad(text, "names no branch. Add `#branch=main`, or whichever branch it is")
    folder = values.get("folder", "")
    if folder:
        check_path(folder, text)
    return branch, folder


def _path(text: str, path: str, build_root: Path) -> Path:
    if path.startswith("//") and not path.startswith("///"):
        raise _bad(
            text, "names a host, but only a path may follow. Write `file:/path` or `file:path`"
        )
    if not path:
        raise _bad(text, f"names no path. Write {_KNOWN}")
    return Path(os.path.normpath(build_root / unquote(path.removeprefix("//"))))


def _without_secret(text: str) -> str:
    return re.sub(r"(://|:)[^/]*@", r"\1…@", text)


def _bad(text: str, why: str) -> PteError:
    return PteError("bad-repository", f"the repository {text!r} {why}")
