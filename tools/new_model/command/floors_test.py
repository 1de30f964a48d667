from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from new_model.command.floors import write_floors
from pte_foundry.records.delegation import Delegation
from workspace.errors import ToolError
from workspace.pants_run import PantsRun

BUILD = """pte_model(
    name="my",
    programs={
        "portable": {},
        "xnnpack": {},
        "coreml": {"max_delegate_calls": 2},
    },
    bounds={
        "xnnpack": {"max_size_ratio": 1.5},
    },
)
"""
FOUND = {
    "portable": Delegation({}, {"aten::add.out": 2}, 2),
    "xnnpack": Delegation({"XnnpackBackend": 2}, {"aten::topk.values": 1, "aten::add.out": 3}, 40),
    "coreml": Delegation({"CoreMLBackend": 1}, {}, 40),
}


def report(delegation: Delegation) -> dict[str, object]:
    return {
        "delegation": delegation.to_json(),
        "precision": "fp32",
        "weights": {"source": "official"},
        "size": 1234,
    }


@pytest.fixture()
def root(tmp_path: Path) -> Path:
    (tmp_path / "models/my").mkdir(parents=True)
    (tmp_path / "models/my/BUILD").write_text(BUILD)
    return tmp_path


def run(root: Path, environment: Mapping[str, str], arguments: tuple[str, ...]) -> PantsRun:
    assert arguments[-2:] == ("package", "models/my::") and environment == {"A": "b"}
    folder = root / "dist/models/my"
    folder.mkdir(parents=True, exist_ok=True)
    for backend, delegation in FOUND.items():
        (folder / f"my_{backend}.json").write_text(json.dumps(report(delegation)))
    (folder / "my_xnnpack.validation.json").write_text("{}")
    return PantsRun(arguments, 0, "", 1.0)


def test_floors_where_none_stand(root: Path) -> None:
    lines = write_floors(root, "my", {"A": "b"}, run)
    assert lines == [
        "my_coreml: fp32, official weights, 1234 bytes, 1 call of the delegate, left to the portable kernels: none",
        "my_portable: fp32, official weights, 1234 bytes, no delegate",
        "my_xnnpack: fp32, official weights, 1234 bytes, 2 calls of the delegate, "
        "left to the portable kernels: aten::add.out x 3, aten::topk.values x 1",
    ]
    floors = '{"max_delegate_calls": 2, "max_undelegated_operators": 4}'
    expected = BUILD.replace('"xnnpack": {},', f'"xnnpack": {floors},')
    assert (root / "models/my/BUILD").read_text() == expected
    inode = (root / "models/my/BUILD").stat().st_ino
    write_floors(root, "my", {"A": "b"}, run)
    assert (root / "models/my/BUILD").stat().st_ino == inode


def test_no_reports_and_bad_ones(root: Path) -> None:
    def nothing(root: Path, environment: Mapping[str, str], arguments: tuple[str, ...]) -> PantsRun:
        return PantsRun(arguments, 0, "", 1.0)

    with pytest.raises(ToolError, match="wrote no report"):
        write_floors(root, "my", {}, nothing)

    def bad(root: Path, environment: Mapping[str, str], arguments: tuple[str, ...]) -> PantsRun:
        made = run(root, {"A": "b"}, arguments)
        (root / "dist/models/my/my_xnnpack.json").write_text('{"delegation": {}}')
        return made

    with pytest.raises(ToolError, match="my_xnnpack.json: delegation"):
        write_floors(root, "my", {}, bad)
    assert (root / "models/my/BUILD").read_text() == BUILD
