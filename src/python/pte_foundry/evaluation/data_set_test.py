from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pte_foundry.errors import PteError
from pte_foundry.evaluation.annotations import Annotations
from pte_foundry.evaluation.data_set import DataSet, check_labels, read_data_set, score
from pte_foundry.evaluation.pictures import find_pictures, read_pictures
from pte_foundry.evaluation.task import CLASSIFY, DETECT, EMBED, POSE, Task

CLASSES = ["cat", "dog", "crane", "crane"]
CLASSIFIER, DETECTOR = Task(CLASSIFY, 4), Task(DETECT, 4, letterbox=True)


def picture(path: Path, colour: str = "red", size: tuple[int, int] = (40, 30)) -> Path:
    """size: width and height."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def read(
    folder: Path,
    labels: Path | None = None,
    task: Task | None = CLASSIFIER,
    classes: list[str] = CLASSES,
) -> DataSet:
    paths = find_pictures(folder)
    check_labels(folder, [each.relative_to(folder).as_posix() for each in paths], labels, classes)
    return read_data_set("some", folder, read_pictures(folder, paths), labels, task, classes)


def refused(folder: Path, labels: Path | None = None, task: Task | None = CLASSIFIER) -> str:
    with pytest.raises(PteError) as caught:
        read(folder, labels, task)
    assert caught.value.kind in ("bad-data-set", "bad-request")
    return caught.value.message


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    """Two cats and a dog."""
    picture(tmp_path / "pictures/cat/1.png")
    picture(tmp_path / "pictures/cat/deep/2.JPG", "blue")
    picture(tmp_path / "pictures/dog/3.png", "green")
    (tmp_path / "pictures/notes.txt").write_text("no picture")
    (tmp_path / "pictures/.hidden").mkdir()
    (tmp_path / "pictures/.hidden/4.png").write_text("neither")
    return tmp_path / "pictures"


def table(folder: Path, *lines: str) -> Path:
    path = folder.parent / "labels.csv"
    path.write_text("\n".join(lines))
    return path


ALL = ("cat/1.png,cat", "cat/deep/2.JPG,1", "dog/3.png,dog")


def test_a_folder_for_each_class(folder: Path) -> None:
    found = read(folder)
    assert found.truth == {"cat/1.png": 0, "cat/deep/2.JPG": 0, "dog/3.png": 1}
    assert [each.size for each in found.pictures] == [(30, 40)] * 3
    answers = {found.pictures[0].sha256: [0, 1], found.pictures[1].sha256: [1, 0]}
    answers[found.pictures[2].sha256] = [1, 0]
    assert score(found, CLASSIFIER, answers) == {"top-1": 2 / 3}
    assert set(score(found, Task(CLASSIFY, 1000), answers)) == {"top-1", "top-5"}


def test_a_table_of_labels_and_numbers(folder: Path) -> None:
    with_header = read(folder, table(folder, "file,label", *ALL))
    assert with_header.truth == {"cat/1.png": 0, "cat/deep/2.JPG": 1, "dog/3.png": 1}
    assert read(folder, table(folder, *ALL, "")) == with_header


def test_folders_of_imagenet(tmp_path: Path) -> None:
    for number in range(4):
        picture(tmp_path / f"n0000000{number}/{number}.png", size=(number + 9, 9))
    assert list(read(tmp_path).truth.values()) == [0, 1, 2, 3]  # type: ignore[union-attr]
    (tmp_path / "n00000003/3.png").unlink()
    assert "n00000000, n00000001, n00000002: no class of this model" in refused(tmp_path)


def test_the_hash_is_of_pictures_and_labels(folder: Path) -> None:
    first = read(folder).sha256
    assert read(folder, table(folder, *ALL)).sha256 != first
    assert read(folder).sha256 == first
    picture(folder / "dog/3.png", "yellow")
    assert read(folder).sha256 != first


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (ALL[:2], "dog/3.png: in the folder of --images, but has no label here"),
        ((*ALL, "none.png,cat"), "none.png: no such picture in the folder of --images"),
        ((*ALL, "cat/1.png,dog"), "cat/1.png: labelled more than once"),
        ((*ALL[:2], "dog/3.png,wolf"), "wolf: no class of this model. Its classes are the lines"),
        ((*ALL[:2], "dog/3.png,4"), "4: no class of this model"),
        (
            (*ALL[:2], "dog/3.png,crane"),
            r"the name of several classes. Give the number of the class in its place, from 0: [2, 3]",
        ),
        ((*ALL[:2], "dog/3.png"), "line 3: is not `file,label`"),
        ((*ALL[:2], "dog/3.png,"), "line 3: is not `file,label`"),
    ],
)
def test_tables_that_are_wrong(folder: Path, lines: Any, told: str) -> None:
    assert told in refused(folder, table(folder, *lines))


def test_folders_that_are_wrong(folder: Path, tmp_path: Path) -> None:
    assert "no such folder. Name the folder" in refused(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "there is no picture in it" in refused(tmp_path / "empty")
    assert "none.csv: no such file or folder" in refused(folder, tmp_path / "none.csv")
    picture(folder / "loose.png")
    assert "loose.png: in no folder of a class" in refused(folder)


def test_pictures_that_cannot_be_read_are_all_named(folder: Path) -> None:
    good = (folder / "cat/1.png").read_bytes()
    (folder / "cat/1.png").write_bytes(good[: len(good) // 2])
    (folder / "dog/3.png").write_text("no picture")
    told = refused(folder)
    assert "cat/1.png (" in told and "dog/3.png (it is no picture that Pillow knows)" in told
    assert "Repair or remove them" in told


def test_an_embedding_needs_neighbours(folder: Path) -> None:
    found = read(folder, None, Task(EMBED), [])
    assert found.truth == {"cat/1.png": "cat", "cat/deep/2.JPG": "cat", "dog/3.png": "dog"}
    with pytest.raises(PteError, match="3 pictures of 1 classes. Neighbours need at least two"):
        read(
            folder, table(folder, "cat/1.png,a", "cat/deep/2.JPG,a", "dog/3.png,a"), Task(EMBED), []
        )


# --- boxes ---


def coco(folder: Path, **changes: Any) -> Path:
    content = {
        "images": [
            {"id": 7, "file_name": "1.png", "height": 30, "width": 40},
            {"id": 9, "file_name": "dog/3.png", "height": 30, "width": 40},
        ],
        "categories": [{"id": 18, "name": "dog"}, {"id": 17, "name": "cat"}, {"id": 1, "name": "man"}],
        "annotations": [
            {"id": 1, "image_id": 9, "category_id": 18, "bbox": [1, 2, 10, 20], "area": 120.5, "iscrowd": 0},
            {"id": 2, "image_id": 7, "category_id": 17, "bbox": [0, 0, 5, 5.5]},
        ],
        **changes,
    }  # fmt: skip
    path = folder.parent / "instances.json"
    path.write_text(json.dumps(content))
    return path


def test_annotations_of_coco(folder: Path) -> None:
    found = read(folder, coco(folder), DETECTOR)
    assert found.left_out == 1
    assert isinstance(found.truth, Annotations)
    (cat,), (dog,) = found.truth.things
    assert (cat.label, cat.box, cat.area) == (0, (0, 0, 5, 5.5), 27.5)
    assert (dog.label, dog.box, dog.area) == (1, (1, 2, 10, 20), 120.5)
    assert [each.name for each in found.pictures] == ["cat/1.png", "dog/3.png"]
    answers = {found.pictures[0].sha256: [[0, 0.9, 0, 0, 5, 5.5]], found.pictures[1].sha256: []}
    assert score(found, DETECTOR, answers)["mAP50"] == pytest.approx(0.5)
    # Before the model's outputs are known, too.
    assert read(folder, coco(folder), None) == found


POINTS = [1.0, 2.0, 2.0, 3.0, 4.0, 0.0]


def test_key_points_of_coco(folder: Path) -> None:
    one = {"image_id": 9, "category_id": 18, "bbox": [1, 2, 10, 20], "keypoints": POINTS}
    path = coco(folder, annotations=[one])
    found = read(folder, path, Task(POSE, 4, 2, 3, letterbox=True))
    assert isinstance(found.truth, Annotations)
    assert found.truth.things[1][0].points == tuple(POINTS)
    written: Any = found.truth.coco(2)["annotations"]
    assert [(each["num_keypoints"], each["image_id"]) for each in written] == [(1, 2)]
    assert "`keypoints` is [1.0, 2.0, 2.0, 3.0, 4.0, 0.0], not 9 numbers" in refused(
        folder, path, Task(POSE, 4, 3, 3, letterbox=True)
    )


LISTED = {"id": 1, "file_name": "1.png", "height": 40, "width": 30}


def annotation(image: int, category: int, box: list[float]) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": box}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"images": [{"id": 1, "file_name": "none.png", "height": 1, "width": 1}]}, "none.png: no such picture"),
        ({"images": [LISTED]}, "is listed with height and width (40, 30), but the file has (30, 40)"),
        ({"annotations": [annotation(9, 1, [0, 0, 1, 1])]}, "man: annotated, but no class of this model"),
        ({"annotations": [annotation(9, 2, [0, 0, 1, 1])]}, "2: annotated, but no class of this model"),
        ({"annotations": [annotation(5, 17, [0, 0, 1, 1])]}, "`image_id` is 5, which `images` does not list"),
        ({"annotations": [annotation(9, 17, [0, 0, 1])]}, "`bbox` is [0, 0, 1], not 4 numbers"),
        ({"annotations": [annotation(9, 17, [0, 0, 0, 1])]}, "its width and height are not above 0"),
        ({"annotations": []}, "annotates nothing, so there is nothing to find"),
        ({"images": 3}, "`images` is a int"),
    ],
)  # fmt: skip
def test_annotations_that_are_wrong(folder: Path, changes: Any, told: str) -> None:
    for task in (DETECTOR, None):
        assert told in refused(folder, coco(folder, **changes), task)


def yolo(folder: Path, **files: str) -> Path:
    """Keys: `cat_1` for `cat/1.txt`."""
    labels = folder.parent / "labels"
    for name, text in files.items():
        path = labels / f"{name.replace('_', '/')}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return labels


def test_labels_of_ultralytics(folder: Path) -> None:
    labels = yolo(folder, cat_1="0 0.5 0.5 0.5 0.2\n\n1 0.25 0.5 0.5 1\n", dog_3="")
    found = read(folder, labels, DETECTOR)
    assert isinstance(found.truth, Annotations)
    assert found.left_out == 0 and len(found.pictures) == 3
    first, second = found.truth.things[0]
    assert (first.label, second.label, second.area) == (0, 1, 600)
    assert first.box == pytest.approx((10, 12, 20, 6))
    assert second.box == pytest.approx((0, 0, 20, 30))
    assert found.truth.things[1:] == ((), ())
    assert read(folder, labels, None) == found


def test_key_points_of_ultralytics(folder: Path) -> None:
    labels = yolo(folder, cat_1="0 0.5 0.5 0.5 0.2 0.5 0.5 2 0 0 0")
    found = read(folder, labels, Task(POSE, 4, 2, 3, letterbox=True))
    assert isinstance(found.truth, Annotations)
    assert found.truth.things[0][0].points == (20, 15, 2, 0, 0, 0)
    labels = yolo(folder, cat_1="0 0.5 0.5 0.5 0.2 0.5 0.5 0 0")
    found = read(folder, labels, Task(POSE, 4, 2, 2, letterbox=True))
    assert isinstance(found.truth, Annotations)
    assert found.truth.things[0][0].points == (20, 15, 2, 0, 0, 0)
    assert "line 1 is not the number of a class and 10 shares" in refused(
        folder, labels, Task(POSE, 4, 2, 3, letterbox=True)
    )


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"cat_1": "0 0.5 0.5 0.5"}, "cat/1.txt: line 1 is not the number of a class and 4 shares"),
        ({"cat_1": "0 a 0.5 0.5 1"}, "line 1 is not the number of a class"),
        ({"cat_1": "4 0.5 0.5 0.5 1"}, "has the class 4; this model's are 0 to 3"),
        ({"cat_1": "0.5 0.5 0.5 0.5 1"}, "has the class 0.5; this model's are 0 to 3"),
        ({"cat_9": "0 0.5 0.5 0.5 1"}, "cat/9.txt: labels of no picture"),
        ({"classes": "cat"}, "has no labels (*.txt) of these pictures"),
        ({"cat_1": ""}, "annotates nothing"),
    ],
)
def test_labels_of_ultralytics_that_are_wrong(folder: Path, files: Any, told: str) -> None:
    assert told in refused(folder, yolo(folder, **files), DETECTOR)


def test_labels_of_the_wrong_kind(folder: Path) -> None:
    assert "a detector needs --labels" in refused(folder, None, DETECTOR)
    assert "boxes are for detectors" in refused(folder, coco(folder), CLASSIFIER)
    with pytest.raises(PteError, match="this model has no file of classes"):
        read(folder, coco(folder), None, [])
