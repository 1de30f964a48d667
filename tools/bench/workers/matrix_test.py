"""The committed indexes, BUILD files and lockfiles, and small ones with faults."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.workers.matrix import INDEXES, read_matrix
from bench.workers.process_times import ProcessTimes
from workspace.errors import ToolError

REPOSITORY = Path()
TOOLCHAINS = [
    f"{backend}+{family}"
    for backend in ("coreml", "executorch", "executorch_1_4")
    for family in ("timm", "torchvision", "ultralytics")
]
ADDRESS = "models/net:net_int8_xnnpack"


def times_of(addresses: list[str], toolchains: list[str]) -> ProcessTimes:
    """Each export takes 3 s, each validation 4, each toolchain 5 to build and 6 to prepare."""
    return ProcessTimes(
        dict.fromkeys(addresses, 3.0),
        dict.fromkeys(addresses, 4.0),
        dict.fromkeys(toolchains, 5.0),
        dict.fromkeys(toolchains, 6.0),
    )


def test_the_committed_matrix() -> None:
    entries = [
        entry
        for index in REPOSITORY.glob(INDEXES)
        for entry in json.loads(index.read_text("utf-8"))["models"]
    ]
    addresses = [entry["address"] for entry in entries]
    matrix = read_matrix(REPOSITORY, times_of(addresses, TOOLCHAINS))
    assert len(matrix.programs) == len(entries) > 100
    assert list(matrix.toolchains) == TOOLCHAINS
    found = {program.address: program for program in matrix.programs}
    assert list(found) == sorted(addresses)
    small = found["models/mobilenet:mobilenet_v3_small_int8_coreml"]
    assert small.toolchain == "coreml+torchvision"
    assert small.checkpoint == {"models/mobilenet:mobilenet_v3_small_weights": 10_306_551}
    assert (small.export_seconds, small.validation_seconds) == (3.0, 4.0)
    (entry,) = (entry for entry in entries if entry["address"] == small.address)
    assert small.size == entry["size"]
    assert found["models/yolo_pose:yolo11n_pose_mps"].toolchain == "executorch_1_4+ultralytics"
    assert found["models/pe_core:pe_core_b16_224_vulkan"].toolchain == "executorch+timm"
    # Its official size is not pinned.
    large = "models/mobilenet:mobilenet_v3_large_weights"
    assert large in matrix.unpinned
    assert found["models/mobilenet:mobilenet_v3_large_mps"].checkpoint == {large: 21_932_128}
    torch = "torch==2.13.0"
    assert {toolchain.files[torch] for toolchain in matrix.toolchains.values()} == {191_988_018}
    assert all(
        200e6 < sum(toolchain.files.values()) < 400e6 for toolchain in matrix.toolchains.values()
    )


def workspace(root: Path) -> Path:
    """One program, whose wheels have known sizes."""
    entry = {
        "address": ADDRESS,
        "backend": "xnnpack",
        "size": 7,
        "weights": {"address": "models/net:net_weights"},
        "parameters": {"bytes": 20},
    }
    files = {
        "index.json": json.dumps({"models": [entry]}),
        "toolchains/BUILD": 'pte_backend(name="xnnpack", resolve="executorch")\n',
        "models/net/BUILD": 'pte_model(name="net_int8", builder_resolve="no")\n'
        'pte_model(name="net", builder_resolve="timm")\n'
        'model_weights(name="net_weights", size=10)\n',
        "3rdparty/python/executorch.lock": "# a==1\ntorch==2.13.0 \\\n    --hash=sha256:0\n",
        "3rdparty/python/timm.lock": "ruamel.yaml==0.19.1 \\\n    --hash=sha256:0\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


TIMES = times_of([ADDRESS], ["executorch+no", "executorch+timm", "executorch"])


def test_a_program_belongs_to_the_model_with_the_longest_name(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    (root / "3rdparty/python/no.lock").write_text("")
    # `net_int8` for XNNPACK, not `net` in int8.
    assert list(read_matrix(root, TIMES).toolchains) == ["executorch+no"]


def test_a_model_without_a_family_has_the_toolchain_of_its_backend(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    build = root / "models/net/BUILD"
    build.write_text('pte_model(name="net")\nmodel_weights(name="net_weights")\n')
    matrix = read_matrix(root, TIMES)
    assert list(matrix.toolchains) == ["executorch"]
    assert matrix.programs[0].checkpoint == {"models/net:net_weights": 20}
    assert matrix.unpinned == ("models/net:net_weights",)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "3rdparty/python/timm.lock",
            "0.19.1",
            "0.19.2",
            "timm.lock pins ruamel-yaml==0.19.2, whose size bench/workers/wheels.py lacks",
        ),
        ("models/net/BUILD", "model_weights", "weights", "no model_weights for net_weights"),
        ("models/net/BUILD", 'pte_model(name="net"', 'pte(name="net"', "no pte_model for"),
        ("models/net/BUILD", "size=10", "size=SIZE", "BUILD:3: 'SIZE' is not a literal"),
        ("models/net/BUILD", "=10)", "=10", "BUILD:3: "),
    ],
)
def test_what_cannot_be_found_is_an_error(
    tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    root = workspace(tmp_path)
    build = root / "models/net/BUILD"
    build.write_text(build.read_text().replace("net_int8", "other"))
    read_matrix(root, TIMES)
    text = (root / file).read_text()
    assert text.count(old) == 1
    (root / file).write_text(text.replace(old, new))
    with pytest.raises(ToolError, match=message):
        read_matrix(root, TIMES)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (replace(TIMES, exports={}), f"has not exported 1 of 1 programs, e.g. {ADDRESS}"),
        (replace(TIMES, validations={}), "has not validated 1 of 1"),
        (replace(TIMES, built={}), "did not build and prepare the toolchain executorch.*XDG_CACHE"),
        (replace(TIMES, prepared={}), "did not build and prepare the toolchain executorch"),
    ],
)
def test_a_run_that_lacks_a_process_is_an_error(
    tmp_path: Path, times: ProcessTimes, message: str
) -> None:
    root = workspace(tmp_path)
    (root / "3rdparty/python/no.lock").write_text("")
    read_matrix(root, TIMES)
    with pytest.raises(ToolError, match=message):
        read_matrix(root, times)


def test_only_chosen_programs_need_times(tmp_path: Path) -> None:
    chosen = "models/yolo:yolo11n_xnnpack"
    times = times_of([chosen], ["executorch+ultralytics"])
    (program,) = read_matrix(REPOSITORY, times, (chosen,)).programs
    assert program.address == chosen
    with pytest.raises(ToolError, match=r"no program \['models/a:b'\] in index"):
        read_matrix(REPOSITORY, times, ("models/a:b",))
