from __future__ import annotations

from pathlib import Path

import pytest
import tomllib

from pte_foundry.backends.devices import on_every_device
from pte_foundry.records.declared import PLATFORMS

FOLDERS = Path(__file__).parent


def test_the_preferred_backend_comes_first() -> None:
    assert on_every_device("ios") == on_every_device("macos") == ("coreml", "xnnpack", "portable")
    for platform in ("android", "linux", "web", "windows"):
        assert on_every_device(platform) == ("xnnpack", "portable")


def test_an_unknown_platform_has_nothing() -> None:
    assert on_every_device("beos") == ()


@pytest.mark.parametrize(
    "file", sorted(FOLDERS.glob("*/devices.toml")), ids=lambda file: file.parent.name
)
def test_a_file_names_platforms_and_a_rank(file: Path) -> None:
    fields = tomllib.loads(file.read_text(encoding="utf-8"))
    assert set(fields) == {"platforms", "rank"} and isinstance(fields["rank"], int)
    assert set(fields["platforms"]) <= set(PLATFORMS)
