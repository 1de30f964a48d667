from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.git_command import Git, without_credentials


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fatal: https://ada:hunter2@host/x.git", "fatal: https://…@host/x.git"),
        ("'https://hunter2@host/a@b'", "'https://…@host/a@b'"),
        ("ssh://git@host/x and https://t@h", "ssh://…@host/x and https://…@h"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_credentials_are_taken_out(text: str, expected: str) -> None:
    assert without_credentials(text) == expected


def test_an_address_that_a_configuration_rewrites_is_shown_without_its_secret(
    tmp_path: Path,
) -> None:
    git = Git(tmp_path)
    with pytest.raises(PteError) as caught:
        git.run(
            "-c",
            "url.https://ada:hunter2@127.0.0.1:9/.insteadOf=file:///x/",
            "ls-remote",
            "file:///x/y.git",
        )
    assert caught.value.kind == "git"
    assert "127.0.0.1:9" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_no_transport_that_runs_a_command(tmp_path: Path) -> None:
    with pytest.raises(PteError, match="transport 'ext' not allowed"):
        Git(tmp_path).run("-c", "protocol.ext.allow=always", "ls-remote", "ext::touch ran")
    assert not (tmp_path / "ran").exists()


def test_git_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PteError, match="Install git") as caught:
        Git(tmp_path).run("version")
    assert caught.value.kind == "no-git"
