from __future__ import annotations

from pathlib import Path

import pytest
from pins import Wheel

from doctor.facts.launcher import build_addresses, has_file, launcher_cache

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "pants").is_file())


@pytest.mark.parametrize("minor", [9, 11])
def test_where_builds_of_cpython_are_looked_for(minor: int) -> None:
    first, second = build_addresses(ROOT, minor, {})
    assert first.startswith("https://releases.astral.sh/") and second.startswith(
        "https://github.com/"
    )
    assert f"/cpython-3.{minor}." in first
    (own,) = build_addresses(ROOT, minor, {"UV_PYTHON_INSTALL_MIRROR": "file:///mirror/"})
    assert own == "file:///mirror/" + second.split("/download/")[1]


def test_the_cache_is_where_the_launcher_has_it() -> None:
    assert launcher_cache({"HOME": "/h"}) == Path("/h/.cache/pte-foundry")
    assert launcher_cache({"HOME": "/h", "XDG_CACHE_HOME": "/x"}) == Path("/x/pte-foundry")
    assert launcher_cache({"HOME": "/h", "PTE_FOUNDRY_CACHE": "/c"}) == Path("/c")


def test_a_wheel_of_another_size_is_none(tmp_path: Path) -> None:
    wheel = Wheel("torch==1", "torch.whl", "0", 3)
    assert not has_file(tmp_path, wheel)
    (tmp_path / "torch.whl").write_bytes(b"12")
    assert not has_file(tmp_path, wheel)
    (tmp_path / "torch.whl").write_bytes(b"123")
    assert has_file(tmp_path, wheel)
