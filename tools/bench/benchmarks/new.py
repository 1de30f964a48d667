"""`new`: from a file of weights and a Python file to a tested program, with nothing and again."""

from __future__ import annotations

import dataclasses
import json
import random
import struct
from array import array
from math import prod
from pathlib import Path

from bench.benchmarks.cold import cold_environment
from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.setting import Setting
from workspace.clone import Clone
from workspace.errors import ToolError

NAME = "new"
ABOUT = "from `foundry new` to a tested program of a small CNN, the first time and the second"
FIRST = Goal("at_most", 300)
SECOND = Goal("at_most", 60)
"""Seconds, on two cores."""

_CODE = """\
from torch import Tensor, nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, stride=2)
        self.body = nn.Conv2d(16, 32, 3, stride=2)
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.relu(self.body(nn.functional.relu(self.stem(x))))
        return self.head(x.mean((2, 3)))
"""
_SHAPES = {
    "stem.weight": (16, 3, 3, 3),
    "stem.bias": (16,),
    "body.weight": (32, 16, 3, 3),
    "body.bias": (32,),
    "head.weight": (10, 32),
    "head.bias": (10,),
}


@dataclasses.dataclass(frozen=True)
class Times:
    """In seconds."""

    new: float
    test: float

    @property
    def total(self) -> float:
        return self.new + self.test


def run(setting: Setting) -> tuple[Measurement, ...]:
    cold = cold_environment(setting.environment, setting.scratch / "cache")
    setting = dataclasses.replace(setting, environment=cold)
    with setting.clone("repository") as clone:
        # The weights are the user's, and not seeded.
        options = tuple(one for one in clone.options if not one.startswith("--weights-source"))
        clone = dataclasses.replace(clone, options=options)
        setting.progress("the first model, from empty caches")
        first = _declare_and_test(clone, setting.scratch, "first_net")
        setting.progress("the second")
        second = _declare_and_test(clone, setting.scratch, "second_net")
    return (
        _row("the first time: all caches empty but pip's", first, FIRST),
        _row("the second time: another model in the same clone", second, SECOND),
    )


def _declare_and_test(clone: Clone, scratch: Path, name: str) -> Times:
    code, weights = scratch / f"{name}.py", scratch / f"{name}.safetensors"
    code.write_text(_CODE, encoding="utf-8")
    weights.write_bytes(random_weights(name))
    new = clone.pants(
        *("run", "tools/foundry", "--", "new", "--from-python", f"{code}:Net"),
        *("--weights", str(weights), "--name", name),
        *("--inputs", "1,3,64,64", "--backends", "xnnpack"),
    )
    test = clone.pants("test", f"models/{name}::")
    if len(test.exports) != 1 or len(test.validations) != 1:
        raise ToolError(
            f"`test models/{name}::` exported {list(test.exports)} and validated {list(test.validations)}, and not one "
            "program"
        )
    return Times(new.seconds, test.seconds)


def random_weights(seed: str) -> bytes:
    """A safetensors file of the network's values, within +-1/8."""
    numbers = random.Random(seed)
    header: dict[str, object] = {}
    values = array("f")
    for name, shape in _SHAPES.items():
        begin = len(values) * values.itemsize
        values.extend(numbers.uniform(-0.125, 0.125) for _ in range(prod(shape)))
        offsets = [begin, len(values) * values.itemsize]
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": offsets}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + values.tobytes()


def _row(what: str, times: Times, goal: Goal) -> Measurement:
    return Measurement(
        NAME,
        f"`foundry new` and `test` of its only program, {what}",
        f"nothing; `new` alone took {times.new:.0f} s",
        round(times.total, 1),
        "s",
        goal,
        {"new_seconds": round(times.new, 2), "test_seconds": round(times.test, 2)},
    )
