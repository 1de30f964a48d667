from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.repository import (
    DirectoryRepository,
    GithubRepository,
    GitRepository,
    HubRepository,
    Repository,
    parse_repository,
)

ROOT = Path("/home/tree")


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("file:/srv/models", "/srv/models"),
        ("file:///srv/models", "/srv/models"),
        ("file:../models", "/home/models"),
        ("file:a%20b", "/home/tree/a b"),
    ],
)
def test_folders(text: str, folder: str) -> None:
    assert parse_repository(text, ROOT) == DirectoryRepository(text, Path(folder))


@pytest.mark.parametrize(
    ("text", "url", "branch", "folder"),
    [
        ("git+ssh://git@host/a/b.git#branch=main", "ssh://git@host/a/b.git", "main", ""),
        ("git+ssh://host:22/b.git#branch=v1/x", "ssh://host:22/b.git", "v1/x", ""),
        (
            "git+https://host/b.git#branch=main&folder=assets/models",
            "https://host/b.git",
            "main",
            "assets/models",
        ),
        ("git+file:b.git#branch=main", "file:///home/tree/b.git", "main", ""),
        ("git+file:///srv/b.git#branch=main", "file:///srv/b.git", "main", ""),
    ],
)
def test_git(text: str, url: str, branch: str, folder: str) -> None:
    assert parse_repository(text, ROOT) == GitRepository(text, url, branch, folder, None)


def test_a_checkout(tmp_path: Path) -> None:
    (tmp_path / "app/.git").mkdir(parents=True)
    text = "git+file:app#branch=main"
    expected = GitRepository(text, "origin", "main", "", tmp_path / "app")
    assert parse_repository(text, tmp_path) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("github:ada/models", GithubRepository("github:ada/models", "ada/models")),
        (
            "hf:ada-lovelace/m.o-d_1",
            HubRepository("hf:ada-lovelace/m.o-d_1", "ada-lovelace/m.o-d_1"),
        ),
    ],
)
def test_a_repository_of_a_web_service(text: str, expected: Repository) -> None:
    assert parse_repository(text, ROOT) == expected


@pytest.mark.parametrize("scheme", ["github", "hf"])
@pytest.mark.parametrize(
    "name",
    ["", "ada", "ada/", "/models", "ada/models/more", "-ada/models", "ada/..", "ada/.m", "a da/m"]
    + ["//host/ada/models", "ada/models#branch=main", "ada/models?x", "ada:hunter2@host/models"],
)
def test_a_web_service_needs_an_owner_and_a_name(scheme: str, name: str) -> None:
    with pytest.raises(
        PteError, match=f"names no repository. Write `{scheme}:OWNER/NAME`"
    ) as caught:
        parse_repository(f"{scheme}:{name}", ROOT)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/srv/models", "has an unknown scheme"),
        ("s3://bucket/models", "has an unknown scheme"),
        ("git+http://host/b.git#branch=main", "has an unknown scheme"),
        ("git+ext::sh -c x#branch=main", "has an unknown scheme"),
        ("file:", "names no path"),
        ("file:%00", "has an unprintable character"),
        ("file:a%00b", "has an unprintable character"),
        ("file:a\0b", "has an unprintable character"),
        ("file:a%0Ab", "has an unprintable character"),
        ("file:a%1b[2J", "has an unprintable character"),
        ("git+file:a%00b#branch=main", "has an unprintable character"),
        ("git+ssh://host/a%00b#branch=main", "has an unprintable character"),
        ("git+ssh://host/b.git#branch=main&folder=a%00", "has an unprintable character"),
        ("git+ssh://[::1/b.git#branch=main", "has an unreadable host"),
        ("git+https://[x]/b.git#branch=main", "has (an unreadable|no) host"),
        ("file://host/models", "names a host"),
        ("git+file://host/b.git#branch=main", "names a host"),
        ("git+ssh://host/b.git", "names no branch"),
        ("git+ssh://host/b.git#branch=", "names no branch"),
        ("git+ssh://host/b.git#branch=-x", "names no branch"),
        ("git+ssh://host/b.git#branch=a..b", "names no branch"),
        ("git+ssh://host/b.git#branch=a:b", "names no branch"),
        ("git+ssh://host/b.git#branch=a.lock", "names no branch"),
        ("git+ssh://host/b.git#branch=a&tag=b", "has an option after `#`"),
        ("git+ssh://host/b.git#branch=a&branch=b", "has an option after `#` twice"),
        ("git+ssh://host/b.git#branch=a&folder=../b", "not a plain relative path"),
        ("git+ssh://host/b.git#branch=a&folder=.git", "not a plain relative path"),
        ("git+ssh:///b.git#branch=main", "has no host"),
        ("git+ssh://-oProxyCommand=x/b.git#branch=main", "has no host"),
        ("git+https://host#branch=main", "has no host or no path"),
    ],
)
def test_anything_else_is_refused(text: str, expected: str) -> None:
    with pytest.raises(PteError, match=expected):
        parse_repository(text, ROOT)


def test_a_name_that_is_too_long_for_a_file(tmp_path: Path) -> None:
    text = f"git+file:{'a' * 300}#branch=main"
    assert parse_repository(text, tmp_path) == GitRepository(
        text, f"{tmp_path.as_uri()}/{'a' * 300}", "main", "", None
    )


@pytest.mark.parametrize(
    "text",
    [
        "git+https://ada:hunter2@[host/b.git#branch=main",
        "git+https://ada:hunter2@host/%00b.git#branch=main",
        "git+https://hunter2@host/b.git#branch=main",
        "git+https://ada:hunter2@host/b.git#branch=main",
        "git+ssh://ada:hunter2@host/b.git#branch=main",
        "https://ada:hunter2@host/b.git",
    ],
)
def test_credentials_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(PteError) as caught:
        parse_repository(text, ROOT)
    assert "hunter2" not in str(caught.value)
