from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pex_cli
import pytest
from messages import PreparationError


@pytest.mark.parametrize("path", ["/a b", "/a%20b", "/größe", "/a{version}", "/a#b", "/a\nb"])
def test_paths_that_a_url_escapes_are_refused(path: str) -> None:
    with pytest.raises(PreparationError, match="PTE_FOUNDRY_CACHE"):
        pex_cli.require_plain_path(Path(path))


def test_usual_paths_are_accepted() -> None:
    pex_cli.require_plain_path(Path("/home/user.name/.cache/pte-foundry_2+x~y@z,a=b"))


def test_a_pex_with_another_hash_is_refused_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(python: Path, requirements: Path, scratch: Path, env: Mapping[str, str]) -> Path:
        (scratch / "pex").write_bytes(b"another pex")
        return scratch / "pex"

    monkeypatch.setattr(pex_cli, "_build", build)
    with pytest.raises(PreparationError, match="wrong hash: pex.*\n/python3.11 builds another"):
        pex_cli.ensure_pex_cli(tmp_path, Path("/python3.11"), tmp_path / "unused", {})
    assert list(tmp_path.iterdir()) == []
