"""What is on each picture and where: COCO's annotations, whichever file they came from."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pte_foundry.errors import PteError
from pte_foundry.evaluation.pictures import Picture, bad, some
from pte_foundry.evaluation.task import POSE, Task
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json
from pte_foundry.records.outside_text import shown


@dataclass(frozen=True)
class Thing:
    """Attributes:
    label: number of its class.
    box: left, top, width and height in pixels.
    area: of the thing in square pixels: of its outline, where that is known.
    crowd: whether it is many at once, as COCO marks them: finding some of it is neither right nor wrong.
    points: x, y and COCO's visibility (0 not labelled, 1 hidden, 2 visible) of each key point.
    """

    label: int
    box: tuple[float, float, float, float]
    area: float
    crowd: bool = False
    points: tuple[float, ...] = ()


@dataclass(frozen=True)
class Annotations:
    """`things` of each of the pictures."""

    pictures: tuple[Picture, ...]
    things: tuple[tuple[Thing, ...], ...]
    classes: int

    def coco(self, points: int) -> dict[str, object]:
        """In COCO's form. Pictures, things and classes count from 1. points: key points of a thing."""
        annotations: list[dict[str, object]] = []
        for number, things in enumerate(self.things, start=1):
            for one in things:
                annotation: dict[str, object] = {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": one.label + 1,
                    "bbox": list(one.box),
                    "area": one.area,
                    "iscrowd": int(one.crowd),
                }
                if points:
                    flat = one.points or (0.0,) * (3 * points)
                    annotation["keypoints"] = list(flat)
                    annotation["num_keypoints"] = sum(each > 0 for each in flat[2::3])
                annotations.append(annotation)
        return {
            "info": {},
            "images": [
                {"id": number, "height": each.size[0], "width": each.size[1]}
                for number, each in enumerate(self.pictures, start=1)
            ],
            "categories": [{"id": number + 1} for number in range(self.classes)],
            "annotations": annotations,
        }


def read_coco(
    path: Path, pictures: Sequence[Picture], labels: Sequence[str], task: Task | None
) -> Annotations:
    """COCO's JSON: `images`, `categories` and `annotations`.

    Only the pictures that it lists count, so a part of a folder can be evaluated. Its categories are the model's
    classes by name.

    Args:
        labels: the model's classes by number.
        task: of the model; None while it is not known, and key points are not read.

    Raises:
        PteError: `bad-data-set` for a file of another form, for pictures that are missing or of another size, and for
            annotations of classes that the model does not know.
    """
    try:
        return _read_coco(Fields(read_json(path), str(path)), path, pictures, labels, task)
    except PteError as error:
        raise PteError("bad-data-set", error.message) from error


def _read_coco(
    fields: Fields,
    path: Path,
    pictures: Sequence[Picture],
    labels: Sequence[str],
    task: Task | None,
) -> Annotations:
    images = {each.count("id"): each for each in fields.objects("images")}
    found = _by_name(pictures)
    names = {number: each.text("file_name") for number, each in images.items()}
    if missing := sorted(name for name in names.values() if name not in found):
        raise bad(f"{path}: {some(missing)}: no such picture in the folder of --images")
    for number, image in images.items():
        listed = (image.count("height"), image.count("width"))
        if listed != found[names[number]].size:
            raise bad(
                f"{path}: {names[number]}: is listed with height and width {listed}, but the file has "
                f"{found[names[number]].size}"
            )
    categories = {each.count("id"): each.text("name") for each in fields.objects("categories")}
    things: defaultdict[int, list[Thing]] = defaultdict(list)
    unknown = set()
    for each in fields.objects("annotations"):
        image_id, category = each.count("image_id"), each.count("category_id")
        if image_id not in images:
            raise each.error("image_id", f"is {image_id}, which `images` does not list")
        name = categories.get(category)
        if name not in labels:
            unknown.add(f"{category}" if name is None else name)
        else:
            things[image_id].append(_coco_thing(each, labels.index(name), task))
    if unknown:
        raise bad(
            f"{path}: {some(sorted(unknown))}: annotated, but no class of this model, whose classes are "
            f"{some(labels)}. Rename these categories, or remove their annotations"
        )
    return _annotations(
        path,
        tuple(found[name] for name in names.values()),
        tuple(tuple(things[number]) for number in images),
        len(labels),
    )


def _by_name(pictures: Sequence[Picture]) -> dict[str, Picture]:
    """By path, and by file name where that is clear."""
    counted = Counter(PurePosixPath(each.name).name for each in pictures)
    short = {PurePosixPath(each.name).name: each for each in pictures}
    return {
        **{name: each for name, each in short.items() if counted[name] == 1},
        **{each.name: each for each in pictures},
    }


def _coco_thing(fields: Fields, label: int, task: Task | None) -> Thing:
    left, top, width, height = box = _numbers(fields, "bbox", 4)
    if width <= 0 or height <= 0:
        raise fields.error("bbox", f"is {list(box)}: its width and height are not above 0")
    points: tuple[float, ...] = ()
    if task is not None and task.kind == POSE and fields.has("keypoints"):
        points = _numbers(fields, "keypoints", 3 * task.points)
    area = fields.number("area") if fields.has("area") else width * height
    crowd = fields.has("iscrowd") and bool(fields.count("iscrowd"))
    return Thing(label, (left, top, width, height), area, crowd, points)


def _numbers(fields: Fields, name: str, count: int) -> tuple[float, ...]:
    values = fields.get(name)
    if not isinstance(values, list) or len(values) != count or not all(map(_is_number, values)):
        raise fields.error(name, f"is {shown(values)}, not {count} numbers")
    return tuple(map(float, values))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def read_yolo(
    folder: Path, pictures: Sequence[Picture], labels: Sequence[str], task: Task | None
) -> Annotations:
    """Ultralytics' labels: for `a/b.jpg` the file `a/b.txt` in `folder`, with a line for each thing.

    A line is the number of a class, then centre x, centre y, width and height as shares of the picture's sides, then
    key points. A picture without a file has nothing on it.

    Args:
        labels: the model's classes by number.
        task: of the model; None while it is not known, and key points are not read.

    Raises:
        PteError: `bad-data-set` for lines of another form, classes that the model does not know, and files without a
            picture.
    """
    if not folder.is_dir():
        raise bad(f"{folder}: is neither COCO's JSON nor a folder of ultralytics' labels")
    expected = {PurePosixPath(each.name).with_suffix(".txt").as_posix(): each for each in pictures}
    if len(expected) != len(pictures):
        raise bad(
            f"{folder}: two pictures have names that differ in their suffix alone: their labels would be one file"
        )
    present = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.txt")}
    if extra := sorted(set(present) - set(expected) - {"classes.txt"}):
        raise bad(f"{folder}: {some(extra)}: labels of no picture in the folder of --images")
    if not set(present) & set(expected):
        raise bad(f"{folder}: has no labels (*.txt) of these pictures")
    things = tuple(
        _yolo_things(present[name], name, picture, len(labels), task) if name in present else ()
        for name, picture in expected.items()
    )
    return _annotations(folder, tuple(pictures), things, len(labels))


def _yolo_things(
    path: Path, name: str, picture: Picture, classes: int, task: Task | None
) -> tuple[Thing, ...]:
    more = task.points * task.numbers if task is not None and task.kind == POSE else 0
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise bad(f"{name}: cannot be read as text ({error})") from error
    things = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values = [float(each) for each in line.split()]
        except ValueError:
            values = []
        fits = len(values) == 5 + more if task is not None else len(values) >= 5
        if not fits or not all(map(math.isfinite, values)):
            raise bad(f"{name}: line {number} is not the number of a class and {4 + more} shares")
        if values[0] not in range(classes):
            raise bad(
                f"{name}: line {number} has the class {line.split()[0]}; this model's are 0 to {classes - 1}"
            )
        things.append(_yolo_thing(values, picture, task))
    return tuple(things)


def _yolo_thing(values: Sequence[float], picture: Picture, task: Task | None) -> Thing:
    high, wide = picture.size
    label, x, y, width, height, *rest = values
    box = ((x - width / 2) * wide, (y - height / 2) * high, width * wide, height * high)
    if task is None or task.kind != POSE:
        return Thing(int(label), box, box[2] * box[3])
    points: list[float] = []
    for at in range(0, len(rest), task.numbers):
        across, down, *seen = rest[at : at + task.numbers]
        visible = seen[0] if seen else 2.0 * (across > 0 or down > 0)
        points += [across * wide, down * high, visible]
    # A person's outline has about half of the box's area. So counts ultralytics, where no outline is known.
    return Thing(int(label), box, box[2] * box[3] * 0.53, points=tuple(points))


def _annotations(
    where: Path,
    pictures: tuple[Picture, ...],
    things: tuple[tuple[Thing, ...], ...],
    classes: int,
) -> Annotations:
    if not any(things):
        raise bad(f"{where}: annotates nothing, so there is nothing to find")
    return Annotations(pictures, things, classes)
