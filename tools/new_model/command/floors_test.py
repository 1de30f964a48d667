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


def report(delegation: Delegation, quantization: object = None) -> dict[str, object]:
    return {
        "delegation": delegation.to_json(),
        "quantization": quantization,
        "precision": "int8" if quantization else "fp32",
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


def test_floors_beside_rewrites(root: Path) -> None:
    before = """"xnnpack": {
            "rewrites": ["a.py", "b.py"],
        },"""
    build = root / "models/my/BUILD"
    build.write_text(BUILD.replace('"xnnpack": {},', before))
    write_floors(root, "my", {"A": "b"}, run)
    after = """"xnnpack": {
            "rewrites": ["a.py", "b.py"],
            "max_delegate_calls": 2,
            "max_undelegated_operators": 4,
        },"""
    expected = BUILD.replace('"xnnpack": {},', after)
    assert build.read_text() == expected
    write_floors(root, "my", {"A": "b"}, run)
    assert build.read_text() == expected


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


PROGRAM = """        "int8_xnnpack": {
            "quantization": ["recipes/xnnpack_static.py"],
            "quantization_options": {"random_inputs": "32"},
            "min_quantized_weights": 0.5,
        },
"""
QUANTIZATION = {
    "recipe": "xnnpack_static",
    "options": {"random_inputs": "32"},
    "calibration": [],
    "weights_fraction": 1.0,
    "compute_fraction": 0.98765,
    "quantized": {},
    "in_float": {},
}


def only_int8(root: Path, environment: Mapping[str, str], arguments: tuple[str, ...]) -> PantsRun:
    folder = root / "dist/models/my"
    folder.mkdir(parents=True, exist_ok=True)
    made = report(Delegation({"XnnpackBackend": 1}, {}, 9), QUANTIZATION)
    (folder / "my_int8_xnnpack.json").write_text(json.dumps(made))
    return PantsRun(arguments, 0, "", 1.0)


def test_floors_of_int8(root: Path) -> None:
    build = root / "models/my/BUILD"
    build.write_text(BUILD.replace('        "xnnpack": {},\n', PROGRAM))
    (line,) = write_floors(root, "my", {}, only_int8)
    assert line == (
        "my_int8_xnnpack: int8 (100.0% of weights, 98.8% of compute), official weights, 1234 bytes, 1 call of the "
        "delegate, left to the portable kernels: none, CALIBRATED on 32 sets of random values within the declared "
        "ranges, not real inputs"
    )
    floors = """            "min_quantized_weights": 1.0,
            "min_quantized_compute": 0.987,
            "max_delegate_calls": 1,
            "max_undelegated_operators": 0,
"""
    expected = BUILD.replace(
        '        "xnnpack": {},\n',
        PROGRAM.replace('            "min_quantized_weights": 0.5,\n', floors),
    )
    assert build.read_text() == expected
    write_floors(root, "my", {}, only_int8)
    assert build.read_text() == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"min_quantized_weights": 0.5', '"min_quantized_weights": 0.8'),
        ('"min_quantized_weights": 0.5,', '"min_quantized_weights": 0.5,  # for a reason'),
        ('["recipes/xnnpack_static.py"]', "RECIPE"),
    ],
)
def test_what_somebody_wrote_stays(root: Path, old: str, new: str) -> None:
    text = BUILD.replace('        "xnnpack": {},\n', PROGRAM.replace(old, new))
    (root / "models/my/BUILD").write_text(text)
    write_floors(root, "my", {}, only_int8)
    assert (root / "models/my/BUILD").read_text() == text


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
