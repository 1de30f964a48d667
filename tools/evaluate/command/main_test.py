from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from evaluate.command.main import app
from evaluate.command.stand_in_repository import FOLDER, LABELS, make_repository, write_program
from pte_foundry.tree.device_results import read_result

PORTABLE = f"{FOLDER}:pets_portable"
ROWS = ["eager fp32", "pets_coreml", "pets_int8_xnnpack", "pets_mps", "pets_portable", "pets_qnn"]


class Outcome:
    def __init__(self, *arguments: str) -> None:
        result = CliRunner().invoke(app, list(arguments))
        assert result.exception is None or isinstance(
            result.exception, SystemExit
        ), result.exception
        self.exit_code, self.stdout, self.stderr = result.exit_code, result.stdout, result.stderr
        lines = [
            [cell.strip() for cell in line.split("│")[1:-1]] for line in self.stdout.splitlines()
        ]
        self.table = {cells[0]: cells[1:] for cells in lines if cells}


@pytest.fixture()
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, with two cats, a dog and a bird in `pictures`."""
    monkeypatch.setenv("COLUMNS", "200")
    made = make_repository(tmp_path / "repository")
    for number, label in enumerate(["cat", *LABELS]):
        path = made / "pictures" / label / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number, 0, 0)).save(path)
    monkeypatch.chdir(made)
    return made


def result(root: Path, name: str = "pictures") -> Any:
    return json.loads((root / f"dist/evaluations/{name}/pets.json").read_text())


def ran(root: Path) -> list[str]:
    """Programs and how many pictures each saw, since the last call."""
    path = root / "src/python/ran"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


def asked(root: Path) -> list[list[str]]:
    path = root / "asked"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_the_model_and_all_its_programs(root: Path) -> None:
    outcome = Outcome(PORTABLE, "--images", "pictures")
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.table == {
        "eager fp32": ["eager", "100.00"],
        "pets_coreml": ["interpreted", "100.00 (+0.00)"],
        "pets_int8_xnnpack": ["executed", "75.00 (-25.00)"],
        "pets_mps": ["not here", "–"],
        "pets_portable": ["executed", "100.00 (+0.00)"],
        "pets_qnn": ["not here", "–"],
    }
    assert "pets_mps: not here: the runtime on this machine has no MPSBackend" in outcome.stderr
    assert "pets_qnn: not here: there is no SDK" in outcome.stderr
    found = result(root)
    assert found["data_set"]["name"] == "pictures" and found["data_set"]["pictures"] == 4
    assert [each["name"] for each in found["programs"]] == ROWS
    int8 = found["programs"][2]
    content = (root / "built" / FOLDER / "pets_int8_xnnpack.pte").read_bytes()
    assert int8["sha256"] == hashlib.sha256(content).hexdigest()
    assert (int8["scores"], int8["runs"]) == ({"top-1": 0.75}, "executed")
    # One export more for each toolchain.
    assert sum(goal == "package" for goal, *_ in asked(root)) == 1 + 3


def test_only_what_is_named(root: Path) -> None:
    outcome = Outcome(PORTABLE, "--images", "pictures", "--only", "--name", "my pets")
    assert outcome.exit_code == 0, outcome.stderr
    assert list(outcome.table) == ["eager fp32", "pets_portable"]
    assert [each["name"] for each in result(root, "my pets")["programs"]] == [ROWS[0], ROWS[4]]


def test_nothing_is_computed_twice(root: Path) -> None:
    arguments = (PORTABLE, "--images", "pictures")
    first = Outcome(*arguments)
    before, packages = result(root), len(asked(root))
    assert len(ran(root)) == 4
    second = Outcome(*arguments)
    assert ran(root) == []
    assert second.stdout == first.stdout and result(root) == before
    # Not even for the program that this machine cannot run is a toolchain needed again.
    assert [goal for goal, *_ in asked(root)[packages:]] == ["peek", "package"]


def test_it_goes_on_where_it_was_stopped(root: Path) -> None:
    (root / "src/python/limit").write_text("3")
    outcome = Outcome(PORTABLE, "--images", "pictures")
    assert outcome.exit_code == 2 and "out of patience" in outcome.stderr
    (root / "src/python/limit").unlink()
    outcome = Outcome(PORTABLE, "--images", "pictures")
    assert outcome.exit_code == 0, outcome.stderr
    assert ran(root)[:2] == ["eager 1", "pets_coreml, first build 4"]


def test_a_program_that_crashes_does_not_stop_the_others(root: Path) -> None:
    (root / "src/python/crashes").write_text("pets_coreml")
    outcome = Outcome(PORTABLE, "--images", "pictures")
    assert outcome.exit_code == 1, outcome.stderr
    assert outcome.table["pets_coreml"] == ["failed", "–"]
    assert outcome.table["pets_portable"] == ["executed", "100.00 (+0.00)"]
    told = "pets_coreml: failed: its evaluation was killed by SIGSEGV"
    assert told in outcome.stderr, outcome.stderr
    found = {each["name"]: each for each in result(root)["programs"]}
    assert found["pets_coreml"]["not_run"] == "its evaluation was killed by SIGSEGV"
    ran(root)
    # Pictures that have an answer are not shown to it again.
    (root / "src/python/crashes").unlink()
    outcome = Outcome(PORTABLE, "--images", "pictures")
    assert outcome.exit_code == 0, outcome.stderr
    assert ran(root) == ["pets_coreml, first build 2"]


def test_only_the_program_that_changed_is_evaluated_again(root: Path) -> None:
    Outcome(PORTABLE, "--images", "pictures")
    ran(root)
    write_program(root, "pets_portable", "int8 by mistake")
    outcome = Outcome(PORTABLE, "--images", "pictures")
    assert ran(root) == ["int8 by mistake 4"]
    assert outcome.table["pets_portable"] == ["executed", "75.00 (-25.00)"]


def test_a_new_picture_and_a_new_label(root: Path) -> None:
    Outcome(PORTABLE, "--images", "pictures")
    ran(root)
    Image.new("RGB", (8, 8), "white").save(root / "pictures/bird/new.png")
    assert (
        Outcome(PORTABLE, "--images", "pictures").table["pets_int8_xnnpack"][1].startswith("60.00")
    )
    assert [line.split()[-1] for line in ran(root)] == ["1"] * 4
    before = result(root)["data_set"]["sha256"]
    rows = "".join(
        f"{path.relative_to('pictures')},cat\n" for path in Path("pictures").rglob("*.png")
    )
    (root / "labels.csv").write_text(rows)
    outcome = Outcome(PORTABLE, "--images", "pictures", "--labels", "labels.csv")
    assert outcome.table["eager fp32"] == ["eager", "40.00"]
    assert ran(root) == [] and result(root)["data_set"]["sha256"] != before


def test_other_code_that_prepares_pictures(root: Path) -> None:
    Outcome(PORTABLE, "--images", "pictures")
    ran(root)
    (root / "src/python/pte_foundry/models/pets.py").write_text("# another resize")
    Outcome(PORTABLE, "--images", "pictures")
    assert len(ran(root)) == 4


def test_results_for_the_pages(root: Path) -> None:
    outcome = Outcome(PORTABLE, "--images", "pictures", "--by", "A. Tester")
    assert outcome.exit_code == 0, outcome.stderr
    folder = root / "dist/evaluations/pictures/record"
    assert sorted(path.stem for path in folder.iterdir()) == [ROWS[1], ROWS[2], ROWS[4]]
    int8 = read_result(folder / "pets_int8_xnnpack.json")
    assert int8.program.name == "pets_int8_xnnpack.pte"
    assert int8.accuracy is not None and int8.accuracy.pictures == 4
    (top,) = int8.accuracy.scores
    assert (top.name, top.value, top.eager) == ("top-1", 0.75, 1.0)
    assert int8.source.who == "A. Tester" and int8.runtime.name == "ExecuTorch"
    coreml = read_result(folder / "pets_coreml.json")
    assert coreml.runtime.name == "interpreter of pte-foundry"
    assert "not on a device that it is for" in coreml.source.how


def test_seeded_weights_are_said_and_not_recorded(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(make_repository(tmp_path / "seeded", "seeded"))
    outcome = Outcome(PORTABLE, "--images", str(root / "pictures"), "--by", "A. Tester")
    assert "nobody trained them, so what they see means nothing" in outcome.stderr
    assert outcome.exit_code == 2 and "are not recorded" in outcome.stderr
    assert not (tmp_path / "seeded/dist/evaluations/pictures/record").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([PORTABLE, "--images", "none"], "none: no such folder. Name the folder of the pictures"),
        ([PORTABLE, "--images", "built"], "there is no picture in it"),
        ([PORTABLE, "--images", "pictures", "--labels", "none.csv"], "none.csv: no such file"),
        ([PORTABLE, "--images", "pictures", "--name", "../x"], "--name: '../x': give letters"),
        ([PORTABLE, "--images", "pictures", "--by", "?"], "`--by` is '?', which names nothing"),
        (["--images", "pictures", "--", "-x"], "'-x' is not an address"),
        ([f"{FOLDER}:", "--images", "pictures"], "programs of several models: other, pets"),
        ([f"{FOLDER}:weights", "--images", "pictures"], "is a model_weights"),
        ([f"{FOLDER}:none", "--images", "pictures"], "there is no available pte_program"),
    ],
)
def test_bad_input(root: Path, arguments: list[str], told: str) -> None:
    outcome = Outcome(*arguments)
    assert outcome.exit_code == 2 and told in outcome.stderr, outcome.stderr
    assert [goal for goal, *_ in asked(root) if goal != "peek"] == []


def test_bad_pictures_and_labels_are_named_before_anything_is_built(root: Path) -> None:
    (root / "pictures/dog/2.png").write_text("no picture")
    outcome = Outcome(PORTABLE, "--images", "pictures")
    assert outcome.exit_code == 2 and "dog/2.png (it is no picture" in outcome.stderr
    (root / "pictures/dog").rename(root / "pictures/wolf")
    outcome = Outcome(PORTABLE, "--images", "pictures")
    assert "wolf: no class of this model" in outcome.stderr
    assert [goal for goal, *_ in asked(root) if goal != "peek"] == []
