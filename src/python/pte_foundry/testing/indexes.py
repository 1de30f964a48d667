"""A sample index request for the tests of the index and of the tree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pte_foundry.index.index import build_index
from pte_foundry.index.index_request import IndexRequest
from pte_foundry.records.declared import Declared
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import write_json
from pte_foundry.records.report import build_report
from pte_foundry.records.tree_request import Origin
from pte_foundry.testing.reports import (
    NO_FLOOR,
    SHA,
    sample_declared,
    sample_facts,
    sample_int8_declared,
    sample_int8_facts,
)

INT8 = "mobilenet/mobilenet_v3_small_int8_xnnpack.pte"
LOCK = "3rdparty/python/engine.lock"
LOCK_TEXT = b"""\
# Locked.
ExecuTorch==1.4.1 \\
    --hash=sha256:00
torch==2.13.0 ; sys_platform == "linux" \\
    --hash=sha256:01
torch==2.13.1 ; sys_platform == "darwin" \\
    --hash=sha256:02
"""


def sample_report(
    facts: Mapping[str, object] | None = None, /, **changes: object
) -> dict[str, object]:
    """The report of the sample MobileNet, with fields of its declaration replaced."""
    declared = Declared.read(Fields(sample_declared(**changes), "declared.json"))
    return build_report(declared, Fields(facts or sample_facts(), "facts.json")).to_json()


def int8_index(folder: Path) -> dict[str, Any]:
    """The index of the same model in int8, and of nothing else."""
    address = "models/mobilenet:mobilenet_v3_small_int8_xnnpack"
    declared = Declared.read(Fields(sample_int8_declared(address=address), "declared.json"))
    write_reports(
        folder, build_report(declared, Fields(sample_int8_facts(), "facts.json")).to_json()
    )
    return build_index(read_request(folder, artifacts=[artifact(0, INT8)]))


def portable_report(**changes: object) -> dict[str, object]:
    """The report of the same model for the portable kernels."""
    delegation = {
        "delegates": {},
        "calls": 0,
        "undelegated": {"aten::convolution.out": 52},
        "undelegated_total": 52,
        "operators_before_lowering": 52,
        "delegated_fraction": 0.0,
    }
    declared: dict[str, object] = {
        "address": "models/mobilenet:mobilenet_v3_small_portable",
        "backend": "portable",
        "backend_description": "Portable kernels",
        "delegate": None,
        "floor": NO_FLOOR,
        **changes,
    }
    return sample_report(sample_facts(delegation=delegation), **declared)


def artifact(number: int, path: str, **changes: object) -> dict[str, object]:
    """An entry of a request's `artifacts`, for the report `reports/<number>.json`."""
    return {
        "report": f"reports/{number}.json",
        "path": path,
        "validation": {"verdict": "passed", "evidence": "executed"},
        **changes,
    }


def sample_request(**changes: object) -> dict[str, object]:
    """An index request of an XNNPACK and a portable program, with top-level fields replaced."""
    return {
        "base_url": ".",
        "generated": "1970-01-01T00:00:00Z",
        "artifacts": [
            artifact(0, "mobilenet/mobilenet_v3_small_xnnpack.pte"),
            artifact(1, "mobilenet/mobilenet_v3_small_portable.pte"),
        ],
        "labels": [{"category": "mobilenet", "name": "labels.txt", "sha256": SHA, "size": 10472}],
        "unavailable": [
            {
                "address": "models/mobilenet:mobilenet_v3_small_qnn",
                "model": "mobilenet_v3_small",
                "backend": "qnn",
                "precision": "fp32",
                "reason": "no QNN SDK is set",
            }
        ],
        **changes,
    }


def write_reports(folder: Path, *reports: dict[str, object]) -> None:
    """Write reports/0.json, reports/1.json, ...; those of the sample request if none is given."""
    (folder / "reports").mkdir(exist_ok=True)
    for number, report in enumerate(reports or (sample_report(), portable_report())):
        write_json(folder / "reports" / f"{number}.json", report)


def read_request(folder: Path, **changes: object) -> IndexRequest:
    """The sample request, read with the reports below `folder`."""
    return IndexRequest.read(Fields(sample_request(**changes), "index_request.json"), folder)


def sample_index(folder: Path, **changes: object) -> dict[str, Any]:
    """The index of an XNNPACK and a portable program, of official weights."""
    write_reports(folder)
    return build_index(read_request(folder, **changes))


def sample_origin(*locks: str, **changes: object) -> dict[str, object]:
    """What a tree of `sample_request` was made from; each program has all of these lockfiles."""
    return {
        "target": "//:tree",
        "builder": "urn:pte-foundry:local",
        "source_commit": None,
        "locks": {
            f"models/mobilenet:mobilenet_v3_small_{backend}": list(locks)
            for backend in ("xnnpack", "portable")
        },
        **changes,
    }


def read_origin(**changes: object) -> Origin:
    return Origin.read(Fields(sample_origin(LOCK, **changes), "tree_request.json"))
