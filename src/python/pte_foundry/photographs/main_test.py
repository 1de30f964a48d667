from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.photographs.main import extract

CONTENT = b"a picture"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture()
def site_packages(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    (folder / "package" / "data").mkdir(parents=True)
    (folder / "package" / "data" / "cat.png").write_bytes(CONTENT)
    (tmp_path / "secret.png").write_bytes(CONTENT)
    return folder


def test_a_pinned_picture_is_copied_under_its_own_name(site_packages: Path, tmp_path: Path) -> None:
    extract({"package/data/cat.png": SHA256}, [tmp_path / "other", site_packages], tmp_path / "out")
    assert (tmp_path / "out" / "cat.png").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"package/data/cat.png": "0" * 64}, f"has sha256 {SHA256}, expected {'0' * 64}"),
        ({"package/data/dog.png": SHA256}, "no installed package has this file"),
        ({"../secret.png": SHA256}, "must be a path below site-packages"),
    ],
)
def test_what_is_refused_writes_nothing(
    files: dict[str, str], message: str, site_packages: Path, tmp_path: Path
) -> None:
    with pytest.raises(PteError, match=message):
        extract(files, [site_packages], tmp_path / "out")
    assert not (tmp_path / "out").exists()
