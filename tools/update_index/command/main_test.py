from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pte_foundry.index.index import build_index
from pte_foundry.records.json_files import canonical_json, write_json
from pte_foundry.testing.indexes import read_request, write_reports
from update_index.command.main import INDEXES, OPTIONS, RunPants, update_indexes
from workspace.errors import ToolError
from workspace.pants_run import PantsRun


@pytest.fixture()
def index(tmp_path: Path) -> dict[str, Any]:
    write_reports(tmp_path)
    return build_index(read_request(tmp_path))


@pytest.fixture()
def root(tmp_path: Path) -> Path:
    (tmp_path / "root/dist").mkdir(parents=True)
    return tmp_path / "root"


def build(index: Mapping[str, object] | None) -> RunPants:
    """A stand-in for `./pants` that writes this index, or none, and another one that never changes."""

    def run(root: Path, environment: Mapping[str, str], arguments: tuple[str, ...]) -> PantsRun:
        assert arguments == (*OPTIONS, "package", "//:index", "//:index_1_4")
        write_json(root / "dist/index_1_4.json", {"models": []})
        if index is not None:
            write_json(root / "dist/index.json", index)
        return PantsRun(arguments, 0, "", 0.0)

    return run


def update(root: Path, index: Mapping[str, object] | None) -> list[str]:
    return update_indexes(root, {}, build(index))


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def test_the_first_one(root: Path, index: dict[str, Any]) -> None:
    assert update(root, index) == ["new     index.json", "new     index_1_4.json"]
    assert (root / "index.json").read_text() == canonical_json(index)
    assert names(root) == ["dist", *INDEXES]


def test_a_current_one_is_left_alone(root: Path, index: dict[str, Any]) -> None:
    update(root, index)
    before = (root / "index.json").stat()
    assert update(root, index) == []
    assert (root / "index.json").stat().st_ino == before.st_ino


def test_what_changed_is_told(root: Path, index: dict[str, Any]) -> None:
    update(root, index)
    index["models"].pop(0)
    index["models"][0]["hash"] = "f" * 64
    lines = update(root, index)
    assert [line.split()[:2] for line in lines] == [
        ["gone", "mobilenet/mobilenet_v3_small_portable.pte"],
        ["changed", "mobilenet/mobilenet_v3_small_xnnpack.pte:"],
    ]
    assert (root / "index.json").read_text() == canonical_json(index)
    assert names(root) == ["dist", *INDEXES]


def test_a_file_with_a_merge_conflict_is_replaced(root: Path, index: dict[str, Any]) -> None:
    (root / "index.json").write_text("<<<<<<< HEAD\n")
    line, other = update(root, index)
    assert "it was not an index" in line and "not valid JSON" in line
    assert other == "new     index_1_4.json"
    assert (root / "index.json").read_text() == canonical_json(index)


def test_a_build_that_fails_changes_nothing(root: Path, index: dict[str, Any]) -> None:
    update(root, index)

    def fail(root: Path, environment: Mapping[str, str], arguments: tuple[str, ...]) -> PantsRun:
        raise ToolError("failed")

    with pytest.raises(ToolError):
        update_indexes(root, {}, fail)
    assert (root / "index.json").read_text() == canonical_json(index)


def test_a_build_without_an_index_is_an_error(root: Path) -> None:
    with pytest.raises(ToolError, match="wrote no"):
        update(root, None)


def test_a_disk_that_is_full_leaves_the_old_file(
    root: Path, index: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    update(root, index)
    old = (root / "index.json").read_text()
    write: Callable[..., int] = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name.endswith(".new"):
            write(path, content[:10])
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        update(root, {**index, "generated": "2026-01-01T00:00:00Z"})
    assert (root / "index.json").read_text() == old
    assert names(root) == ["dist", *INDEXES]
