from __future__ import annotations

from pathlib import Path

import pytest

from bench.benchmarks import second_checkout
from bench.benchmarks.second_checkout import differing_files
from bench.benchmarks.stand_in_repository import stand_in_setting
from workspace.errors import ToolError

# Exports only what the store lacks under its key, which a test puts in the place of KEY.
LAUNCHER = """\
key="$PANTS_LOCAL_STORE_DIR/$(echo "KEY" | cksum | tr ' ' -)"
[ -e "$key" ] || exported
mkdir -p "$key" dist
echo "BYTES" > dist/a.pte
"""


def values(tmp_path: Path, key: str, content: str) -> list[float]:
    """Exports in the first clone, exports in the second, files that differ."""
    launcher = LAUNCHER.replace("KEY", key).replace("BYTES", content)
    return [row.value for row in second_checkout.run(stand_in_setting(tmp_path, launcher, {}))]


def test_a_second_checkout_finds_everything(tmp_path: Path) -> None:
    assert values(tmp_path, key="same", content="same") == [1, 0, 0]


def test_the_store_is_the_benchmarks_own_and_empty_at_first(tmp_path: Path) -> None:
    launcher = LAUNCHER.replace("KEY", "same").replace("BYTES", "same")
    setting = stand_in_setting(tmp_path, launcher, {})
    second_checkout.run(setting)
    assert len(list((setting.scratch / "store").iterdir())) == 1


@pytest.mark.parametrize("what", ["$PWD", "$HOME", "$PATH"])
def test_a_key_or_content_of_one_machine_is_noticed(tmp_path: Path, what: str) -> None:
    assert values(tmp_path, key=what, content=what) == [1, 1, 1]


@pytest.mark.parametrize(
    "what", ["${PANTS_NAMED_CACHES_DIR:?}", "${PTE_FOUNDRY_CACHE:?}", "${PYENV_ROOT:?}"]
)
def test_the_caches_are_shared(tmp_path: Path, what: str) -> None:
    assert values(tmp_path, key=what, content=what) == [1, 0, 0]


def test_a_build_without_files_shows_nothing(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no .pte and no .json file"):
        second_checkout.run(stand_in_setting(tmp_path, "exported\n", {}))


def test_files_differ_by_content_and_by_absence() -> None:
    first = {"same.pte": b"1", "other.pte": b"1", "gone.json": b""}
    second = {"same.pte": b"1", "other.pte": b"2", "new.json": b""}
    assert differing_files(first, second) == ["gone.json", "new.json", "other.pte"]
    assert differing_files(first, dict(first)) == []
