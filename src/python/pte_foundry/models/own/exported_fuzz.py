"""Attack the loading of `.pt2` files with damaged and hostile ones.

Each file is a valid program, changed at one of three levels: its JSON, its zip archive, or its bytes. It may
be refused with a `PteError`, or be the program that it was. JSON that still is a program may also be another
one: a number that its author could have written too. Its weights are the same all the same.
"""

from __future__ import annotations

import copy
import json
import random
import sys
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pte_foundry.checkpoints.exported.exported_samples import SAMPLES, files_of, packed, saved
from pte_foundry.errors import PteError
from pte_foundry.models.own import exported_program
from pte_foundry.models.own.own_samples import saved_model

_MODEL = "models/model.json"
_WEIGHTS = "data/weights/model_weights_config.json"
_CONSTANTS = "data/constants/model_constants_config.json"
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
_VALUES: tuple[object, ...] = (
    *(None, True, False, 0, -1, 3, 2**62, -(2**63), 10**30, 1e308, float("nan"), "", "x", [], {}),
    *([[]], [None], {"a": 1}, "\ud800", "\x1b[31m", "a.b", "lambda", "x" * 30_000, 10**4000),
    *("torch.ops.aten.add.Tensor", "9**9**9**9", "torch.ops.aten.from_file.default", "_operator.pow"),
)


@dataclass
class Tally:
    """How files ended: `refused`, `same`, `another program`, or as a failure.

    Attributes:
        failures: of each file that ended otherwise, what was done to it and what happened.
    """

    ends: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        count = sum(self.ends.values()) + len(self.failures)
        ends = ", ".join(f"{number} {end}" for end, number in sorted(self.ends.items()))
        wrong = Counter(one.partition(":")[0] for one in self.failures)
        counted = ", ".join(
            f"{wrong[kind]} {kind}" for kind in ("code runs", "raw tracebacks", "wrong weights", "wrong outputs")
        )
        return f".pt2: {count} files tried: {ends}; {counted}"


def attack_exported(folder: Path, count: int, seed: int = 0) -> Tally:
    """Load `count` changed files.

    Args:
        folder: an empty one, for the files and for what code of theirs would leave there.
    """
    mark = folder / "code_ran"
    spy = folder / "spy_of_pt2.py"
    spy.write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n")
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
        level, change = draw.choice((("json", _json), ("json", _json), ("zip", _zip), ("bytes", _bytes)))
        content, done = change(draw, self._valid, self._files, self._mark)
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


Change = Callable[[random.Random, bytes, dict[str, bytes], Path], tuple[bytes, str]]


def _json(
    draw: random.Random, valid: bytes, files: dict[str, bytes], mark: Path
) -> tuple[bytes, str]:
    """One or two values removed or replaced; of texts that hold JSON, values inside of them."""
    name = draw.choice((_MODEL, _MODEL, _MODEL, _WEIGHTS, _CONSTANTS))
    content = json.loads(files[name])
    done = []
    for _ in range(draw.choice((1, 1, 2))):
        done.append(_edit(draw, content, mark))
    text = json.dumps(content)
    if draw.random() < 0.03:  # A key twice, of which parsers take the last one.
        text = text.replace("{", '{"target": 1, "target": 2, ', 1)
    if draw.random() < 0.02:
        text = "[" * draw.choice((10, 5000, 100_000)) + text
    return packed({**files, name: text.encode("utf-8", "surrogatepass")}), f"{name} {', '.join(done)}"


def _edit(draw: random.Random, content: Any, mark: Path) -> str:
    places = [place for place in _places(content) if place and "metadata" not in place]
    if not places:
        return "nothing"
    place = draw.choice(places)
    owner = content
    for key in place[:-1]:
        owner = owner[key]
    shown = ".".join(map(str, place))
    if place[-1] in ("in_spec", "out_spec") and draw.random() < 0.9:
        inner = json.loads(owner[place[-1]])
        done = _edit(draw, inner, mark)
        owner[place[-1]] = json.dumps(inner)
        return f"{shown} > {done}"
    if draw.random() < 0.2:
        del owner[place[-1]]
        return f"without {shown}"
    value = copy.deepcopy(draw.choice((*_VALUES, *_hostile(mark))))
    if isinstance(owner, dict) and draw.random() < 0.15:  # The key is hostile, not the value.
        owner[value if isinstance(value, str) else json.dumps(value)] = owner.pop(place[-1])
        return f"{shown} called {str(value)[:60]}"
    owner[place[-1]] = value
    return f"{shown} = {str(value)[:60] if not isinstance(value, int) else value.bit_length()}"


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _places(one, (*place, key))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _places(one, (*place, index))


def _hostile(mark: Path) -> tuple[object, ...]:
    """Values that leave a mark if torch evaluates, imports, calls or writes them into source."""
    code = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    spy = {"__enum__": True, "fqn": "spy_of_pt2:x", "name": "y"}
    return (
        *(code, f"x={code}", f'x"),{code},("', f"x']),{code},(['", f"x\n    {code}\n    ", f"a.{code}"),
        *(spy, json.dumps(spy), json.dumps([spy]), {"as_operator": "torch.os.mkdir"}, "torch.os.mkdir"),
        {"as_string": code},
        {"expr_str": code, "hint": None},
        {"as_expr": {"expr_str": f"Symbol('s0', {code})", "hint": None}},
        {
            "type": "collections.defaultdict",
            "context": {
                "default_factory_module": "spy_of_pt2",
                "default_factory_name": "x",
                "dict_context": [],
            },
            "children_spec": [],
        },
    )


def _zip(
    draw: random.Random, valid: bytes, files: dict[str, bytes], mark: Path
) -> tuple[bytes, str]:
    """An entry removed, renamed, added, cut, lengthened or compressed, or something before the archive."""
    name = draw.choice([one for one in files if one != "data/sample_inputs/model.pt"])
    kind = draw.choice(("without", "renamed", "added", "cut", "empty", "longer", "deflated", "prefixed", "flags"))
    made = dict(files)
    data = made[name]
    if kind == "without":
        del made[name]
    elif kind == "renamed":
        made[draw.choice((name + "x", "../" + name, "data/weights/model.pt", ""))] = made.pop(name)
    elif kind == "added":
        made[draw.choice(("data/aotinductor/model/x.so", "data/constants/custom_obj_0", "x"))] = b"x"
    elif kind == "cut":
        made[name] = data[: draw.randrange(len(data))] if data else b"x"
    elif kind == "empty":
        made[name] = b"" if data else b"x"
    elif kind == "longer" and not name.startswith("data/"):
        made[name] = data + data
    elif kind == "prefixed":
        return draw.choice((b"\x7fELF", b"PK\x03\x04", b"#!/bin/sh\n")) + packed(made), kind
    content = packed(made, zipfile.ZIP_DEFLATED if kind == "deflated" else zipfile.ZIP_STORED)
    if kind == "flags":
        place = content.rfind(b"PK\x01\x02", 0, draw.randrange(len(content) // 2, len(content)))
        changed = bytearray(content)
        changed[place + draw.choice((8, 10, 20, 24, 28, 42))] ^= draw.choice((1, 8, 64, 255))
        content = bytes(changed)
    return content, f"{kind} {name}"


def _bytes(
    draw: random.Random, valid: bytes, files: dict[str, bytes], mark: Path
) -> tuple[bytes, str]:
    """A few bytes changed, or the end cut off."""
    content = bytearray(valid)
    places = [draw.randrange(len(content)) for _ in range(draw.choice((1, 1, 3, 8)))]
    for place in places:
        content[place] = draw.randrange(256)
    if draw.random() < 0.2:
        del content[draw.randrange(len(content)) :]
    return bytes(content), f"at {places}"
