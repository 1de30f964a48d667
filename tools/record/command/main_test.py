from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pte_foundry.records.device_result import DeviceResult
from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.sample_device_results import sample_device_result
from pte_foundry.testing.sample_tree import sample_parts
from record.command.indexed import find, read_indexes
from record.command.main import app
from workspace.errors import ToolError

XNNPACK = "mobilenet_v3_small_xnnpack"
FILE = Path(f"models/mobilenet/device_results/{XNNPACK}.json")


@pytest.fixture()
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the index of two programs, and an older one with a program of its own."""
    index, _, _ = sample_parts()
    for name in ("pants", "pants.toml"):
        (tmp_path / name).touch()
    (tmp_path / "models/mobilenet").mkdir(parents=True)
    (tmp_path / "index.json").write_text(json.dumps(index))
    (older,) = (each for each in index["models"] if each["name"] == f"{XNNPACK}.pte")
    mps = {
        "name": "mobilenet_v3_small_mps.pte",
        "address": "models/mobilenet:mobilenet_v3_small_mps",
    }
    models = [{**older, **mps, "hash": "0c" * 32}]
    (tmp_path / "index_1_3.json").write_text(json.dumps({**index, "models": models}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def identity(root: Path, name: str = XNNPACK) -> dict[str, str]:
    for index in ("index.json", "index_1_3.json"):
        for each in json.loads((root / index).read_text())["models"]:
            if each["name"] == f"{name}.pte":
                return {"name": each["name"], "sha256": each["hash"]}
    raise AssertionError(name)


def result(root: Path, file: str = "result.json", **changes: Any) -> str:
    """Write a file with a result; returns its name."""
    content = sample_device_result(**{"program": identity(root), **changes})
    (root / file).write_text(json.dumps(content))
    return file


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "500"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def change_index(root: Path, **changes: str) -> None:
    index = json.loads((root / "index.json").read_text())
    (model,) = (each for each in index["models"] if each["name"] == f"{XNNPACK}.pte")
    model.update(changes)
    (root / "index.json").write_text(json.dumps(index))


def test_a_result_is_put_beside_its_model_once(root: Path) -> None:
    file = result(root)
    assert run(file) == (0, f"{FILE}: 1 new, 0 were there before\n")
    content, node = (root / FILE).read_bytes(), (root / FILE).stat().st_ino
    stored = json.loads(content)["results"]
    assert [each["device"] for each in stored] == [sample_device_result()["device"]]
    assert run(file, file) == (0, f"{FILE}: nothing new\n")
    # Not even written again.
    assert ((root / FILE).read_bytes(), (root / FILE).stat().st_ino) == (content, node)
    assert [path.name for path in (root / FILE).parent.iterdir()] == [FILE.name]
    assert run("--check") == (0, "1 result is recorded, 0 of them to be replaced\n")


def test_several_results_in_one_order_whatever_theirs(root: Path) -> None:
    files = [
        result(root, f"{name}.json", device={"model": name, "chip": "a chip"}) for name in "BCA"
    ]
    files.append(result(root, "mps.json", program=identity(root, "mobilenet_v3_small_mps")))
    assert run(*files[1:])[0] == 0
    code, said = run(*files)
    assert (code, said.splitlines()) == (
        0,
        [
            f"{FILE.parent}/mobilenet_v3_small_mps.json: nothing new",
            f"{FILE}: 1 new, 2 were there before",
        ],
    )
    stored = json.loads((root / FILE).read_text())["results"]
    assert [each["device"]["model"] for each in stored] == ["A", "B", "C"]
    content = (root / FILE).read_bytes()
    (root / FILE).unlink()
    assert run(*reversed(files))[0] == 0
    assert (root / FILE).read_bytes() == content


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (
            {"sha256": "0b" * 32},
            "is of an earlier build, or of other weights: now it is {sha256} in",
        ),
        ({"sha256": "0b" * 32}, "Build models/mobilenet:mobilenet_v3_small_xnnpack as that index"),
        (
            {"name": "mobilenet_v3_small_xnpack.pte"},
            "Set `program.name` to mobilenet_v3_small_xnnpack.pte",
        ),
        (
            {"name": "mobilenet_v3_small_xnpack.pte", "sha256": "0b" * 32},
            "no index has mobilenet_v3_small_xnpack.pte. Is it mobilenet_v3_small_xnnpack.pte?",
        ),
        (
            {"name": "a.pte", "sha256": "0b" * 32},
            "no index has a.pte. Results are of programs in an index",
        ),
    ],
)
def test_a_program_that_no_index_has(root: Path, program: dict[str, str], told: str) -> None:
    good = result(root, "good.json")
    bad = result(root, "bad.json", program={**identity(root), **program})
    code, said = run(good, bad)
    assert code == 2 and told.format(**identity(root)) in said, said
    assert said.startswith("foundry record: bad.json: ")
    assert not (root / FILE).exists()


def test_a_result_that_is_refused_leaves_everything_as_it_was(root: Path) -> None:
    run(result(root))
    content = (root / FILE).read_bytes()
    good = result(root, "good.json", load_ms=3)
    for changes, told in (
        ({"source": {}}, "source: `who` is missing"),
        ({"latency": {}}, "`latency` is no field of a result; `latency_ms` is"),
        ({"a\x1b[31m": {}}, "`a\\x1b[31m` is no field"),
        ({"load_ms": -1}, "`load_ms` is -1, not a number above 0"),
    ):
        code, said = run(good, result(root, "bad.json", **changes))
        assert code == 2 and said.startswith("foundry record: bad.json: ") and told in said, said
    (root / "bad.json").write_text("{")
    assert run(good, "bad.json")[0] == 2
    assert run(good, "none.json")[0] == 2
    assert (root / FILE).read_bytes() == content


def test_check_lists_results_of_programs_that_have_changed_since(root: Path) -> None:
    old = identity(root)["sha256"]
    run(result(root), result(root, "mps.json", program=identity(root, "mobilenet_v3_small_mps")))
    change_index(root, hash="0d" * 32)
    code, said = run("--check")
    assert code == 1
    assert said == (
        f"{FILE}: Sample Phone 8, 2026-11-30, A. Tester: {XNNPACK}.pte has changed since, from {old} to {'0d' * 32}. "
        "Measure again, or remove the result\n2 results are recorded, 1 of them to be replaced\n"
    )
    # A new one is added beside it.
    assert run(result(root))[1] == f"{FILE}: 1 new, 1 were there before\n"
    assert "3 results are recorded, 1 of them to be replaced" in run("--check")[1]
    change_index(root, name="other_xnnpack.pte")
    said = run("--check")[1]
    assert said.count(f"no index has {XNNPACK}.pte") == 2


def test_check_without_any_result(root: Path) -> None:
    assert run("--check") == (0, "0 results are recorded, 0 of them to be replaced\n")


def test_check_lists_results_in_another_folder(root: Path) -> None:
    run(result(root))
    moved = root / "models/deep/er/device_results" / FILE.name
    moved.parent.mkdir(parents=True)
    (root / FILE).rename(moved)
    code, said = run("--check")
    assert code == 1 and f"it belongs into {FILE}" in said


def test_a_recorded_file_that_was_changed_by_hand(root: Path) -> None:
    file = result(root)
    run(file)
    spoilt = (root / FILE).read_text().replace('"who"', '"whom"')
    (root / FILE).write_text(spoilt)
    for arguments in (("--check",), (file,)):
        code, said = run(*arguments)
        assert code == 2 and f"foundry record: {FILE}: results[0]: source: `whom`" in said, said
    assert (root / FILE).read_text() == spoilt


def test_the_index_of_a_tree_with_other_weights(root: Path) -> None:
    committed = (root / "index.json").read_text()
    change_index(root, hash="0d" * 32)
    (root / "index.json").rename(root / "tree.json")
    (root / "index.json").write_text(committed)
    file = result(root, program={**identity(root), "sha256": "0d" * 32})
    assert run(file)[0] == 2
    assert run(file, "--index", "tree.json")[0] == 0
    assert run("--check")[0] == 1
    assert run("--check", "--index", "tree.json", "--index", "index.json")[0] == 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"address": "../../x:y"}, "not a plain relative path"),
        ({"address": "src/x:y"}, "which is not below models/"),
        (
            {"address": "models/nonesuch:y"},
            "there is no models/nonesuch. Record it in the repository",
        ),
    ],
)
def test_an_index_from_elsewhere_names_no_other_folder(
    root: Path, changes: dict[str, str], told: str
) -> None:
    change_index(root, **changes)
    before = sorted(root.rglob("*"))
    file = result(root)
    code, said = run(file, "--index", "index.json")
    assert code == 2 and told in said, said
    assert set(root.rglob("*")) - set(before) == {root / file}


def test_what_is_no_index(root: Path) -> None:
    (root / "mine.json").write_text("{}")
    code, said = run("--check", "--index", "mine.json")
    assert code == 2 and "mine.json" in said and "Name an `index.json` with --index" in said
    (root / "index.json").unlink()
    assert run("--check")[0] == 2


def test_results_or_check(root: Path) -> None:
    assert run() == (2, "foundry record: give files with results, or --check\n")
    assert run(result(root), "--check")[0] == 2
    assert not (root / FILE).exists()


def test_the_example_of_the_page_is_a_result_but_of_no_program() -> None:
    example = Path("docs/validation.md").read_text("utf-8").split("```json\n")[1].split("```")[0]
    read = DeviceResult.read(Fields(json.loads(example), "the example"))
    assert json.loads(example).keys() == sample_device_result().keys()
    programs = read_indexes([Path("index.json"), Path("index_1_4.json")])
    with pytest.raises(
        ToolError, match="the example: mobilenet_v3_small_xnnpack.pte with sha256 0000"
    ):
        find(programs, read.program, "the example")
