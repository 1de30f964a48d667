from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from new_model.command.samples import read_samples
from pte_foundry.records.tensor_spec import parse_tensor_spec
from workspace.errors import ToolError

INPUTS = (parse_tensor_spec("x", "float32[1,2]"),)


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inputs").mkdir()
    return tmp_path / "inputs"


def fill(folder: Path, count: int) -> None:
    for number in range(count):
        np.save(folder / f"{number:03}.npy", np.full((1, 2), number, np.float32))


@pytest.mark.parametrize(
    ("count", "judged"),
    [(2, [1]), (3, [1]), (4, [2]), (8, [2, 6]), (200, [12, 37, 62, 87, 112, 137, 162, 187])],
)
def test_every_fourth_judges_and_eight_at_most(folder: Path, count: int, judged: list[int]) -> None:
    fill(folder, count)
    (folder / ".DS_Store").write_bytes(b"of a Mac")
    found = read_samples(folder, INPUTS)
    assert [int(path.stem) for path in found.judged] == judged
    others = [number for number in range(count) if number not in judged]
    assert [int(path.stem) for path in found.calibration] == others
    assert not found.shared and found.size == 136 * count


def test_one_sample_does_both(folder: Path) -> None:
    fill(folder, 1)
    found = read_samples(folder, INPUTS)
    assert found.shared and found.size == 136
    assert found.places() == {
        "samples/calibration/000.npy": folder / "000.npy",
        "samples/judged/000.npy": folder / "000.npy",
    }


def test_suffixes_become_lower_case_as_targets_have_them(folder: Path) -> None:
    np.save(folder / "A", np.ones((1, 2), np.float32))
    (folder / "A.npy").rename(folder / "A.NPY")
    assert list(read_samples(folder, INPUTS).only_judged().places()) == ["samples/judged/A.npy"]


def test_what_is_no_sample(folder: Path) -> None:
    for content, told in (
        ({}, "is empty. Put samples there"),
        ({"a.jpg": b"a picture"}, r"a.jpg is a picture.*np.save\("),
        ({"a.txt": b"text"}, "a.txt is no sample: .npy, .npz, .safetensors. Take it out"),
        ({"a.npy": b"damaged"}, "bad-sample|a.npy cannot be read"),
    ):
        for path in folder.iterdir():
            path.unlink()
        for name, data in content.items():
            (folder / name).write_bytes(data)
        with pytest.raises(ToolError, match=told):
            read_samples(folder, INPUTS)
    with pytest.raises(ToolError, match="nonesuch is no folder"):
        read_samples(folder / "nonesuch", INPUTS)
    (folder / "a.npy").unlink()
    fill(folder, 2)
    (folder / "deeper.npy").mkdir()
    with pytest.raises(ToolError, match="deeper.npy is no sample"):
        read_samples(folder, INPUTS)


def test_two_names_that_some_file_systems_cannot_tell_apart(folder: Path) -> None:
    np.save(folder / "a.npy", np.ones((1, 2), np.float32))
    np.save(folder / "A.npy", np.ones((1, 2), np.float32))
    if len(list(folder.iterdir())) == 2:
        with pytest.raises(ToolError, match="a.npy and A.npy have one name. Rename one"):
            read_samples(folder, INPUTS)


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.ones((1, 3), np.float32), r"001.npy: 'x' is float32\[1,3\], but float32\[1,2\]"),
        (np.ones((1, 2)), r"array.astype\(\"float32\"\)"),
        (np.array([[1, np.inf]], np.float32), "'x' has an infinity"),
        (np.array([[1, None]]), "pickled Python objects"),
    ],
)
def test_a_sample_that_the_model_cannot_take(folder: Path, array: np.ndarray, told: str) -> None:
    fill(folder, 3)
    np.save(folder / "001.npy", array, allow_pickle=True)
    with pytest.raises(ToolError, match=told):
        read_samples(folder, INPUTS)
