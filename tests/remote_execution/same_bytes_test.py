"""What workers export has the bytes of the committed index: a program of each backend and of each family."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from remote_cache.machines import SEEDED, make_machine
from remote_cache.server import Server
from remote_execution.users import remote_settings

PROGRAMS = (
    "models/mobilenet:mobilenet_v3_small_portable",
    "models/mobilenet:mobilenet_v3_small_xnnpack",
    "models/mobilenet:mobilenet_v3_small_int8_xnnpack",
    "models/mobilenet:mobilenet_v3_small_mps",
    "models/yolo:yolo11n_coreml",
    "models/yolo:yolo11n_xnnpack",
    "models/pe_core:pe_core_t16_384_vulkan",
)
VALIDATED = "models/mobilenet:mobilenet_v3_small_xnnpack_test"


def test_workers_write_the_bytes_of_the_index(server: Server, folder: Path) -> None:
    address = server.address.url
    machine = make_machine(folder / "maintainer", address, remote_settings(address))
    try:
        outcome = machine.package(SEEDED, "package", *PROGRAMS)
        assert outcome.exports == sorted(PROGRAMS)
        for program in PROGRAMS:
            assert f"{program}: started on a worker" in outcome.output
        index = json.loads(Path("index.json").read_text())
        expected = {model["name"]: model["hash"] for model in index["models"]}
        built = {
            Path(path).name: hashlib.sha256(content).hexdigest()
            for path, content in machine.clone.dist_files().items()
            if path.endswith(".pte")
        }
        assert len(built) == len(PROGRAMS)
        assert built == {name: expected[name] for name in built}
        outcome = machine.package(SEEDED, "test", VALIDATED)
        assert f"{VALIDATED} succeeded" in outcome.output
    finally:
        machine.stop()
    # Another machine, without workers, finds all of it.
    reader = make_machine(folder / "reader", address, {})
    try:
        outcome = reader.package(SEEDED, "package", *PROGRAMS)
        assert outcome.exports == []
    finally:
        reader.stop()
