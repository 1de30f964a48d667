"""Attack the loading of `.pt2` files with damaged and hostile ones.

Each file is a valid program, changed at one of four levels: its JSON anywhere, what torch is known to run
of it, its zip archive, or its bytes. It may be refused with a `PteError`, or be the program that it was. JSON
that still is a program may also be another one: a number that its author could have written too. Its weights
are the same all the same.
"""

from __future__ import annotations

import random
import sys
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pte_foundry.errors import PteError
from pte_foundry.models.own import exported_program
from pte_foundry.testing.exported_samples import SAMPLES, files_of, saved
from pte_foundry.testing.hostile.exported_changes import LEVELS, SPY
from pte_foundry.testing.own_samples import saved_model

# Programs whose inputs are tensors, and these.
ATTACKED: dict[str, dict[str, str]] = {
    "plain": {"values": "float32[4,4]"},
    "dynamic": {"values": "float32[rows=2..9,4]"},
    "decomposed": {"values": "float32[rows=2..9,4]"},
    "shared": {"values": "float32[4,4]"},
    "lists": {"values": "float32[4,4]"},
    "branches": {"values": "float32[rows=2..9,4]"},
    "picture": {"image": "float32[1,3,8,8]", "word": "int64[1]{0..8}"},
}
_KINDS = ("bad-checkpoint", "forbidden-pickle", "bad-input-shape", "bad-builder")


@dataclass
class Tally:
    """How files ended.

    Attributes:
        tried: how many there were.
        ends: of those that ended well, how many were `refused`, were the `same`, were `another program`.
        failures: of each file that ended otherwise, what was done to it and what happened.
    """

    tried: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        ends = ", ".join(f"{number} {end}" for end, number in sorted(self.ends.items()))
        wrong = Counter(one.partition(":")[0] for one in self.failures)
        counted = ", ".join(
            f"{wrong[kind]} {kind}"
            for kind in ("code runs", "raw tracebacks", "wrong weights", "wrong outputs")
        )
        return f".pt2: {self.tried} files tried: {ends}; {counted}"


def attack_exported(folder: Path, count: int, seed: int = 0) -> Tally:
    """Load `count` changed files.

    Args:
        folder: an empty one, for the files and for what code of theirs would leave there.
    """
    mark = folder / "code_ran"
    (folder / f"{SPY}.py").write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n")
    sys.path.insert(0, str(folder))
    try:
        targets = [_Target(name, folder, mark) for name in ATTACKED]
        tally = Tally()
        for number in range(count):
            draw = random.Random(f"{seed}.{number}")
            targets[number % len(targets)].attack(draw, number, tally)
        return tally
    finally:
        sys.path.remove(str(folder))


class _Target:
    """A valid file, and what it computes."""

    def __init__(self, name: str, folder: Path, mark: Path) -> None:
        self._name = name
        self._path = folder / "m.pt2"
        self._mark = mark
        self._valid = saved(SAMPLES[name].program())
        self._files = files_of(self._valid)
        self._expected = self._loaded(self._valid)

    def attack(self, draw: random.Random, number: int, tally: Tally) -> None:
        level, change = draw.choice(LEVELS)
        tally.tried += 1
        content, done = change(draw, self._valid, self._files)
        what = f"{self._name}, file {number}, {level}: {done}"
        try:
            weights, outputs = self._loaded(content)
        except PteError as error:
            if error.kind in _KINDS and "m.pt2" in error.message and error.message.isprintable():
                tally.ends["refused"] += 1
            else:
                tally.failures.append(f"raw tracebacks: {what}: {error!r}")
        except BaseException as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            tally.failures.append(
                f"raw tracebacks: {what}: {type(error).__name__}: {str(error)[:200]} "
                f"({where.filename}:{where.lineno})"
            )
        else:
            self._judge(level, what, weights, outputs, tally)
        if self._mark.exists():
            self._mark.unlink()
            sys.modules.pop(SPY, None)
            tally.failures.append(f"code runs: {what}")

    def _judge(self, level: str, what: str, weights: Any, outputs: Any, tally: Tally) -> None:
        if not _equal(weights, self._expected[0]):
            tally.failures.append(f"wrong weights: {what}")
        elif _equal(outputs, self._expected[1]):
            tally.ends["same"] += 1
        elif level == "json":
            tally.ends["another program"] += 1
        else:
            tally.failures.append(f"wrong outputs: {what}")

    def _loaded(self, content: bytes) -> tuple[dict[str, Tensor], list[object]]:
        self._path.write_bytes(content)
        given = saved_model(self._path, ATTACKED[self._name])
        definition = exported_program.load(given)
        with torch.no_grad():
            returned = [definition.module(*sample) for sample in given.samples]
        return dict(definition.module.state_dict()), pytree.tree_leaves(returned)


def _equal(one: object, other: object) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        same = one.dtype == other.dtype and one.shape == other.shape
        return same and torch.equal(one.nan_to_num(), other.nan_to_num())
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return type(one) is type(other) and one == other
