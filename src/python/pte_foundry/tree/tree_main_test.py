from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.json_files import read_json, write_json
from pte_foundry.testing.sample_device_results import sample_device_result
from pte_foundry.testing.sample_latencies import FILE
from pte_foundry.testing.sample_tree import LOCK, write_tree_inputs
from pte_foundry.tree import tree_main
from pte_foundry.tree.checks.verify import verify_tree
from pte_foundry.tree.tree_files import is_covered
from pte_foundry.tree.tree_request import DEVICE_RESULTS, LATENCIES, WRITTEN_HERE


@pytest.fixture()
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a tree, without the files that the tree writer writes, and tree_request.json beside it."""
    monkeypatch.chdir(tmp_path)
    write_tree_inputs(tmp_path)
    return tmp_path


def change(tree: Path, path: str, sha: str | None) -> None:
    """Give one file of the request another hash, or leave it out."""
    request: Any = read_json(tree / "tree_request.json")
    request["files"] = [each for each in request["files"] if each["path"] != path]
    if sha is not None:
        request["files"].append({"path": path, "sha256": sha})
    write_json(tree / "tree_request.json", request)


def test_sha256sum_accepts_the_whole_tree_and_sees_a_change(tree: Path) -> None:
    assert tree_main.main(["tree_request.json"]) == 0
    command = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    checked = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    listed = [line[66:] for line in (tree / "SHA256SUMS").read_text().splitlines()]
    assert listed == sorted(listed)
    given: Any = read_json(tree / "tree_request.json")
    names = [entry["path"] for entry in given["files"]]
    pages = {"models/mobilenet_v3_small.html", "measured/mobilenet_v3_small.svg"}
    assert all((tree / page).is_file() for page in pages)
    assert set(listed) == set(filter(is_covered, {*names, *WRITTEN_HERE, *pages}))
    assert "measured/mobilenet_v3_small.svg" not in listed
    (tree / "README.md").write_text("other")
    assert subprocess.run(command, cwd=tree, capture_output=True, check=False).returncode == 1


def test_versions_json_names_the_version(tree: Path) -> None:
    tree_main.main(["tree_request.json"])
    assert read_json(tree / "versions.json") == {"versions": ["1.4.1"], "latest": "1.4.1"}


def test_an_older_version_beside_it_is_listed(tree: Path) -> None:
    change(tree, "1.3.0/index.json", "0" * 64)
    tree_main.main(["tree_request.json"])
    assert read_json(tree / "versions.json")["versions"] == ["1.3.0", "1.4.1"]


MPS = "mobilenet_v3_small_mps"


def add_older(tree: Path) -> None:
    """An index of an older version with one program, which the latest version has not."""
    index: Any = read_json(tree / "index.json")
    (model,) = (each for each in index["models"] if each["backend"] == "xnnpack")
    folder, card = tree / "1.3.0/mobilenet", b"a model card"
    folder.mkdir(parents=True)
    contents = {f"{MPS}.pte": b"third program", "labels.txt": b"tench", "README.md": card}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    model.update(
        address=f"models/mobilenet:{MPS}",
        name=f"{MPS}.pte",
        backend="mps",
        hash=hashlib.sha256(contents[f"{MPS}.pte"]).hexdigest(),
        size=13,
        remoteUrl=f"1.3.0/mobilenet/{MPS}.pte",
        labelsRemoteUrl="1.3.0/mobilenet/labels.txt",
    )
    index["labels"][0]["remoteUrl"] = "1.3.0/mobilenet/labels.txt"
    older = {"version": "1.3.0", "executorchVersion": "1.3.0", "models": [model]}
    write_json(
        tree / "1.3.0/index.json", {**index, **older, "backends": {"mps": {"description": "MPS"}}}
    )
    request: Any = read_json(tree / "tree_request.json")
    for path in ("index.json", *(f"mobilenet/{name}" for name in contents)):
        sha256 = hashlib.sha256((tree / "1.3.0" / path).read_bytes()).hexdigest()
        request["files"].append({"path": f"1.3.0/{path}", "sha256": sha256})
    request["programs"].append({**request["programs"][0], "address": model["address"]})
    request["origin"]["locks"][model["address"]] = [LOCK]
    request["indexes"].append("1.3.0/index.json")
    write_json(tree / "tree_request.json", request)


def test_a_tree_of_two_versions(tree: Path) -> None:
    add_older(tree)
    assert tree_main.main(["tree_request.json"]) == 0
    assert read_json(tree / "versions.json") == {"versions": ["1.3.0", "1.4.1"], "latest": "1.4.1"}
    readme = (tree / "README.md").read_text()
    assert "2 of the programs are for ExecuTorch 1.4.1, 1 for ExecuTorch 1.3.0." in readme
    assert f"| `1.3.0/mobilenet/{MPS}.pte` | mps |" in readme
    assert "- [mobilenet](1.4.1/mobilenet/README.md)" in readme
    for page in ("index.html", "models/mobilenet_v3_small.html"):
        text = (tree / page).read_text()
        assert f"1.3.0/mobilenet/{MPS}.pte" in text
        assert text.count('<span class="faint">ExecuTorch 1.3.0</span>') == 1
    for name in ("reports", "locks", "validations", LATENCIES):
        shutil.rmtree(tree / name)
    for name in ("index_request.json", "tree_request.json"):
        (tree / name).unlink()
    assert verify_tree(tree) == ()


def test_the_latest_version_has_to_be_the_first(tree: Path) -> None:
    add_older(tree)
    request: Any = read_json(tree / "tree_request.json")
    for indexes, reason in (
        (request["indexes"][::-1], "Name the latest version's index first"),
        (request["indexes"] * 2, "two indexes are of 1.4.1"),
        ([], "`indexes` is empty"),
    ):
        write_json(tree / "tree_request.json", {**request, "indexes": indexes})
        with pytest.raises(PteError, match=reason):
            tree_main.main(["tree_request.json"])
    assert [name for name in WRITTEN_HERE if (tree / name).exists()] == []


@pytest.mark.parametrize(
    ("path", "sha", "reason"),
    [
        ("1.4.1/mobilenet/mobilenet_v3_small_xnnpack.pte", "0" * 64, "promises 1.4.1/mobilenet"),
        ("1.4.1/mobilenet/mobilenet_v3_small_portable.pte", None, "no such file"),
        ("1.4.1/mobilenet/labels.txt", None, "no such file"),
        ("1.4.1/index.json", "0" * 64, "promises 1.4.1/index.json"),
        ("index.json", None, "promises index.json"),
        ("1.5.0/index.json", "0" * 64, "latest version is 1.5.0"),
        ("latest/index.json", "0" * 64, "'latest' is not a version"),
        ("README.md", "0" * 64, "the tree writer writes"),
        ("1.4.1/../x", "0" * 64, "not a plain relative path"),
        ("1.4.1/Mobilenet/labels.txt", "0" * 64, "where case is ignored"),
        ("models/mobilenet_v3_small.html", "0" * 64, "the tree writer writes"),
        ("measured/mobilenet_v3_small.svg", "0" * 64, "the tree writer writes"),
        ("1.4.1/mobilenet/README.md", None, "no 1.4.1/mobilenet/README.md"),
        ("LICENSES/BSD-3-Clause.txt", None, "no LICENSES/BSD-3-Clause.txt"),
    ],
)
def test_a_tree_that_is_not_what_its_index_says_is_refused_and_nothing_is_written(
    tree: Path, path: str, sha: str | None, reason: str
) -> None:
    change(tree, path, sha)
    with pytest.raises(PteError, match=reason):
        tree_main.main(["tree_request.json"])
    assert [name for name in WRITTEN_HERE if (tree / name).exists()] == []


def test_what_no_benchmark_wrote_is_refused_and_nothing_is_written(tree: Path) -> None:
    (tree / LATENCIES / FILE).write_text("{}")
    with pytest.raises(PteError, match=f"bad-latencies: {FILE}: `machine` is missing"):
        tree_main.main(["tree_request.json"])
    assert [name for name in WRITTEN_HERE if (tree / name).exists()] == []


def add_device_result(tree: Path, **changes: Any) -> Path:
    """Name a file with one result in the request; returns the file."""
    index: Any = read_json(tree / "index.json")
    program = next(each for each in index["models"] if each["backend"] == "xnnpack")
    identity = {"name": program["name"], "sha256": program["hash"]}
    result = sample_device_result(**{"program": identity, **changes})
    name = "models/mobilenet/device_results/mobilenet_v3_small_xnnpack.json"
    file = tree / DEVICE_RESULTS / name
    file.parent.mkdir(parents=True)
    write_json(file, {"schema_version": 1, "results": [result]})
    request: Any = read_json(tree / "tree_request.json")
    write_json(tree / "tree_request.json", {**request, "device_results": [name]})
    return file


def test_what_a_device_measured_is_on_its_models_page_and_nowhere_else(tree: Path) -> None:
    add_device_result(tree)
    tree_main.main(["tree_request.json"])
    pages = [tree / name for name in ("index.html", "models/mobilenet_v3_small.html", "index.json")]
    assert ["Sample Phone 8" in page.read_text() for page in pages] == [False, True, False]


def test_what_no_device_measured_is_refused_and_nothing_is_written(tree: Path) -> None:
    add_device_result(tree, device={})
    with pytest.raises(PteError, match="bad-device-result: models/mobilenet/device_results/mobil"):
        tree_main.main(["tree_request.json"])
    assert [name for name in WRITTEN_HERE if (tree / name).exists()] == []


@pytest.mark.parametrize("field", ["latencies", "device_results"])
@pytest.mark.parametrize("path", ["../results.json", "/results.json"])
def test_results_that_are_elsewhere_are_refused(tree: Path, path: str, field: str) -> None:
    request: Any = read_json(tree / "tree_request.json")
    write_json(tree / "tree_request.json", {**request, field: [path]})
    with pytest.raises(PteError, match="bad-path: tree_request.json: "):
        tree_main.main(["tree_request.json"])


def test_the_command_lines_give_equal_bytes_in_another_process(tree: Path) -> None:
    tree_main.main(["tree_request.json"])
    pages = ("models/mobilenet_v3_small.html", "measured/mobilenet_v3_small.svg")
    names = ("index.json", *WRITTEN_HERE, *pages)
    first = {name: (tree / name).read_bytes() for name in names}
    # What is there when it begins is an input, and its folder read-only.
    for folder in ("measured", "models"):
        shutil.rmtree(tree / folder)
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "11"}
    for arguments in (
        ["pte_foundry.index.main", "index_request.json", "--index", "index.json"],
        ["pte_foundry.tree.tree_main", "tree_request.json"],
    ):
        subprocess.run([sys.executable, "-m", *arguments], cwd=tree, env=environment, check=True)
    assert {name: (tree / name).read_bytes() for name in names} == first


def test_a_failure_is_one_message_on_stderr(tree: Path) -> None:
    change(tree, "index.json", None)
    result = subprocess.run(
        [sys.executable, "-m", "pte_foundry.tree.tree_main", "tree_request.json"],
        cwd=tree,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    confinement, message = result.stderr.splitlines()
    assert confinement.startswith("confinement: ")
    assert message.startswith("pte-foundry: bad-tree: ")
