"""A small tree on disk, and its pages, for the tests of what writes and checks trees."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from functools import cache
from pathlib import Path
from typing import Any

from pte_foundry.index import main as index_main
from pte_foundry.records.device_result import DeviceResult
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import canonical_json, read_json, write_json
from pte_foundry.records.tree_request import Listed
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
from pte_foundry.tree.checks.verify import verify_tree
from pte_foundry.tree.pages.latencies import read_latencies
from pte_foundry.tree.pages.pages import catalogue_pages
from pte_foundry.tree.tree_files import SUMS, is_covered
from pte_foundry.tree.tree_request import LATENCIES

Spoil = Callable[[Any, Any, Any], None]

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
XNNPACK = "1.4.1/mobilenet/mobilenet_v3_small_xnnpack.pte"
PORTABLE = "1.4.1/mobilenet/mobilenet_v3_small_portable.pte"
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
        "indexes": ["index.json"],
        "files": entries,
        "programs": PROGRAMS,
        "latencies": [FILE],
        "device_results": [],
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


def found(tree: Path) -> set[tuple[str, str]]:
    """Path and kind of each defect."""
    return {(defect.path, defect.kind) for defect in verify_tree(tree)}


def regular_files(tree: Path) -> list[str]:
    """Their paths, sorted."""
    return sorted(
        str(path.relative_to(tree))
        for path in tree.rglob("*")
        if path.is_file() and not path.is_symlink()
    )


def seal(tree: Path) -> None:
    """Write SHA256SUMS anew, as an attacker would after a change."""
    lines = [
        f"{_sha256((tree / path).read_bytes())}  {path}\n"
        for path in regular_files(tree)
        if is_covered(path) and "\n" not in path
    ]
    (tree / SUMS).unlink(missing_ok=True)
    (tree / SUMS).write_bytes("".join(lines).encode(errors="surrogateescape"))


def edit_json(tree: Path, name: str, change: Callable[[Any], None]) -> None:
    """Change a JSON document in place."""
    document = json.loads((tree / name).read_text())
    change(document)
    (tree / name).write_text(json.dumps(document))


@cache
def _texts() -> tuple[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        write_tree_inputs(Path(folder))
        index = read_json(Path(folder, "index.json"))
        validations = {
            program["address"]: read_json(Path(folder, program["validation"]))
            for program in PROGRAMS
        }
    return canonical_json(index), canonical_json(validations)


def sample_parts() -> tuple[Any, Any, Any]:
    """Fresh copies of the index, of what is listed beside it, and of the validations by address."""
    index, validations = map(json.loads, _texts())
    return index, [dict(program) for program in PROGRAMS], validations


def sample_pages(
    spoil: Spoil | None = None,
    results: Mapping[str, object] | None = None,
    device_results: Sequence[Mapping[str, object]] = (),
) -> dict[str, str]:
    """The pages, after `spoil` has changed its three arguments, which are those of `sample_parts`.

    Args:
        results: what `tools/bench` measured.
        device_results: what devices measured.
    """
    index, listed, validations = sample_parts()
    if spoil is not None:
        spoil(index, listed, validations)
    return catalogue_pages(
        Fields(index, "index.json"),
        [Listed.read(Fields(each, "listed")) for each in listed],
        {address: Fields(each, address) for address, each in validations.items()},
        {} if results is None else read_latencies([Fields(results, FILE)]),
        [DeviceResult.read(Fields(each, "a result")) for each in device_results],
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _pte(name: str) -> dict[str, object]:
    content = CONTENTS[f"mobilenet/{name}"]
    return {"sha256": _sha256(content), "size": len(content)}
