"""A small tree on disk, for the tests of what writes and checks trees."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import chdir
from pathlib import Path

from pte_foundry.index import main as index_main
from pte_foundry.records.json_files import write_json
from pte_foundry.testing.indexes import (
    portable_report,
    sample_origin,
    sample_report,
    sample_request,
    write_reports,
)
from pte_foundry.testing.reports import sample_facts
from pte_foundry.testing.sample_latencies import FILE, sample_results
from pte_foundry.tree import tree_main
from pte_foundry.tree.tree_request import LATENCIES

LOCK = "locks/engine.lock"
PROGRAMS = [
    {
        "address": f"models/mobilenet:mobilenet_v3_small_{backend}",
        "model": "mobilenet_v3_small",
        "task": "image classification",
        "validation": f"validations/{number}.json",
    }
    for number, backend in enumerate(("xnnpack", "portable"))
]
CONTENTS = {
    "mobilenet/labels.txt": b"tench",
    "mobilenet/mobilenet_v3_small_xnnpack.pte": b"first program",
    "mobilenet/mobilenet_v3_small_portable.pte": b"second program",
}


def write_tree_inputs(folder: Path) -> None:
    """The files of a tree of two programs but its own, tree_request.json, and the files that that names."""
    labels = {"file": "labels.txt", "sha256": _sha256(b"tench"), "size": 5}
    xnnpack = sample_report(sample_facts(pte=_pte("mobilenet_v3_small_xnnpack.pte")), labels=labels)
    portable = {**portable_report(labels=labels), **_pte("mobilenet_v3_small_portable.pte")}
    write_reports(folder, xnnpack, portable)
    listed = {"category": "mobilenet", "name": "labels.txt", **labels}
    del listed["file"]
    write_json(folder / "index_request.json", sample_request(labels=[listed]))
    with chdir(folder):
        assert index_main.main(["index_request.json", "--index", "index.json"]) == 0
    index = (folder / "index.json").read_bytes()
    files = {f"1.4.1/{path}": content for path, content in CONTENTS.items()}
    files |= {"1.4.1/index.json": index, "index.json": index, "LICENSES/BSD-3-Clause.txt": b"BSD"}
    files["1.4.1/mobilenet/README.md"] = b"a model card"
    (folder / LOCK).parent.mkdir()
    (folder / LOCK).write_text("executorch==1.4.1 \\\n    --hash=sha256:00\n")
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    entries = [{"path": path, "sha256": _sha256(content)} for path, content in files.items()]
    write_validations(folder)
    results = folder / LATENCIES / FILE
    results.parent.mkdir(parents=True)
    write_json(results, sample_results())
    request = {
        "index": "index.json",
        "files": entries,
        "programs": PROGRAMS,
        "latencies": [FILE],
        "origin": sample_origin(LOCK),
    }
    write_json(folder / "tree_request.json", request)


def write_validations(folder: Path) -> None:
    """What the two programs' validations measured: the first ran twice, the second could not be run."""
    measured = [
        {"logits": {"cosine": 0.9999999, "max_abs": 2e-05 * (number + 1), "mean_abs": 3e-06}}
        for number in range(2)
    ]
    ran = [
        {"name": f"parity:fixed-{number}", "status": "passed", "measured": each}
        for number, each in enumerate(measured)
    ]
    not_run = [{"name": "parity:fixed-0", "status": "skipped", "measured": {}}]
    (folder / "validations").mkdir()
    for number, cases in enumerate((ran, not_run)):
        write_json(folder / "validations" / f"{number}.json", {"cases": cases})


def write_sample_tree(folder: Path) -> Path:
    """A complete tree in a new folder; returns it."""
    folder.mkdir()
    write_tree_inputs(folder)
    with chdir(folder):
        assert tree_main.main(["tree_request.json"]) == 0
    for name in ("reports", "locks", "validations", LATENCIES):
        shutil.rmtree(folder / name)
    for name in ("index_request.json", "tree_request.json"):
        (folder / name).unlink()
    return folder


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _pte(name: str) -> dict[str, object]:
    content = CONTENTS[f"mobilenet/{name}"]
    return {"sha256": _sha256(content), "size": len(content)}
