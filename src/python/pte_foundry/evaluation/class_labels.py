"""The class of each picture: from the folders that they are in, or from a table `file,label`."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from pte_foundry.evaluation.pictures import bad, some

_HEADER = ["file", "label"]
_WORDNET = re.compile(r"n\d{8}")
"""The names of ImageNet's folders: in sorted order they are its classes."""


def folder_labels(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Picture -> the name of the folder below `folder` that it is in.

    Args:
        names: of the pictures, relative to `folder`.

    Raises:
        PteError: `bad-data-set` for pictures that are in none.
    """
    if loose := [name for name in names if "/" not in name]:
        raise bad(
            f"{folder}: {some(loose)}: in no folder of a class. Put the pictures of each class into a folder with its "
            "name, or give a table `file,label` with --labels"
        )
    return {name: name.split("/")[0] for name in names}


def table_labels(table: Path, names: Sequence[str]) -> dict[str, str]:
    """Picture -> label, from a CSV file with the columns `file` and `label`, with or without these as its first line.

    Args:
        names: of the pictures; `file` is one of them.

    Raises:
        PteError: `bad-data-set` naming the lines that have other columns, and pictures that are missing, labelled
            twice or not at all.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise bad(f"{table}: cannot be read as a table in UTF-8 ({error})") from error
    if rows and [cell.strip().lower() for cell in rows[0][1]] == _HEADER:
        rows = rows[1:]
    if wrong := [
        str(number) for number, row in rows if len(row) != 2 or not all(map(str.strip, row))
    ]:
        raise bad(f"{table}: line {some(wrong)}: is not `file,label`")
    files = [row[0].strip() for _, row in rows]
    if twice := [file for file, count in Counter(files).items() if count > 1]:
        raise bad(f"{table}: {some(twice)}: labelled more than once")
    labels = {row[0].strip(): row[1].strip() for _, row in rows}
    if missing := sorted(set(labels) - set(names)):
        raise bad(f"{table}: {some(missing)}: no such picture in the folder of --images")
    if unlabelled := sorted(set(names) - set(labels)):
        raise bad(f"{table}: {some(unlabelled)}: in the folder of --images, but has no label here")
    return {name: labels[name] for name in names}


def class_numbers(labels: Mapping[str, str], classes: Sequence[str]) -> dict[str, int]:
    """Picture -> number of its class.

    A label is a line of the model's label file, or its number from 0. Folders called as ImageNet's (`n01440764`) are
    its classes in sorted order, if all are there.

    Args:
        classes: lines of the label file.

    Raises:
        PteError: `bad-data-set` naming labels that the model does not know, or that name several classes.
    """
    used = sorted(set(labels.values()))
    if len(used) == len(classes) and all(map(_WORDNET.fullmatch, used)):
        numbers = {label: number for number, label in enumerate(used)}
        return {name: numbers[label] for name, label in labels.items()}
    counted = Counter(classes)
    known: dict[str, int] = {str(number): number for number in range(len(classes))}
    known |= {label: number for number, label in enumerate(classes)}
    if unknown := [label for label in used if label not in known]:
        raise bad(
            f"{some(unknown)}: no class of this model. Its classes are the lines of its label file, such as "
            f"{some(classes[:3])}; their numbers from 0 to {len(classes) - 1} do too"
        )
    if unclear := [label for label in used if counted[label] > 1]:
        raise bad(
            f"{some(unclear)}: the name of several classes. Give the number of the class in its place, from 0: "
            f"{[number for number, label in enumerate(classes) if label == unclear[0]]} are {unclear[0]}"
        )
    return {name: known[label] for name, label in labels.items()}


def check_neighbours(folder: Path, labels: Mapping[str, str]) -> None:
    """Raises PteError `bad-data-set` for labels by which nothing can be told apart."""
    counted = Counter(labels.values())
    if len(counted) < 2 or max(counted.values()) < 2:
        raise bad(
            f"{folder}: has {len(labels)} pictures of {len(counted)} classes. Neighbours need at least two classes, "
            "and several pictures of one"
        )
