from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from bench.benchmarks import new
from bench.benchmarks.stand_in_repository import stand_in_setting
from workspace.errors import ToolError

# Says what `new` was asked, and tests only a model that `new` has declared.
LAUNCHER = """\
echo "$@" >> ../asked
ls -A "$XDG_CACHE_HOME" >> ../caches 2>/dev/null || echo empty >> ../caches
mkdir -p "$XDG_CACHE_HOME/pants"
case "$*" in
  *new*--name*) mkdir -p "models/$(echo "$*" | sed 's/.*--name \\([a-z_]*\\).*/\\1/')" ;;
  *test*) folder="$(echo "$*" | sed 's/.*\\(models[^:]*\\)::.*/\\1/')"; [ -d "$folder" ]; TESTED ;;
esac
"""
TESTED = "exported; exported | sed 's/Export/Validate/'"


def test_two_models_in_one_clone_with_caches_that_were_empty(tmp_path: Path) -> None:
    setting = stand_in_setting(tmp_path, LAUNCHER.replace("TESTED", TESTED), {})
    first, second = new.run(setting)
    assert (first.unit, second.unit) == ("s", "s") and first.value >= 0
    assert "first time" in first.what and "second time" in second.what
    assert set(first.details) == {"new_seconds", "test_seconds"}
    assert (setting.scratch / "caches").read_text().split() == ["empty", *["pants"] * 3]
    asked = (setting.scratch / "asked").read_text()
    assert "--weights-source" not in asked and "--no-pantsrc" in asked
    for name in ("first_net", "second_net"):
        assert f"{setting.scratch}/{name}.py:Net" in asked


@pytest.mark.parametrize("tested", ["true", "exported", "exported; exported"])
def test_a_test_of_anything_but_one_program_is_no_time(tmp_path: Path, tested: str) -> None:
    with pytest.raises(ToolError, match="and not one program"):
        new.run(stand_in_setting(tmp_path, LAUNCHER.replace("TESTED", tested), {}))


def test_weights() -> None:
    content = new.random_weights("a")
    assert content == new.random_weights("a") != new.random_weights("b")
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert header["stem.weight"]["shape"] == [16, 3, 3, 3]
    assert len(content) - 8 - length == header["head.bias"]["data_offsets"][1]
