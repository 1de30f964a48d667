"""Small programs of each kind that torch.export writes, for tests and for attacks."""

from __future__ import annotations

import io
import json
import zipfile
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram


@dataclass(frozen=True)
class Sample:
    """A program and inputs that it takes.

    Attributes:
        build: a new module in eval mode.
        inputs: what it is exported with and called with.
        shapes: as `dynamic_shapes` of torch.export.export.
        decomposed: whether the program is of functional operators alone.
    """

    build: Callable[[], nn.Module]
    inputs: tuple[Any, ...]
    named: Mapping[str, Any] = field(default_factory=dict)
    shapes: Any = None
    decomposed: bool = False

    def program(self) -> ExportedProgram:
        torch.manual_seed(0)
        with torch.no_grad():
            made = torch.export.export(
                self.build().eval(),
                self.inputs,
                dict(self.named),
                dynamic_shapes=self.shapes,
                strict=False,
            )
        return made.run_decompositions() if self.decomposed else made


def saved(program: ExportedProgram) -> bytes:
    content = io.BytesIO()
    torch.export.save(program, content)
    return content.getvalue()


def files_of(archive: bytes) -> dict[str, bytes]:
    """The archive's files by their path below the top folder."""
    with zipfile.ZipFile(io.BytesIO(archive)) as read:
        return {name.partition("/")[2]: read.read(name) for name in read.namelist()}


def packed(files: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as made:
        for name, data in files.items():
            made.writestr(f"m/{name}", data)
    return content.getvalue()


def changed(archive: bytes, name: str, edit: Callable[[Any], object]) -> bytes:
    """The archive with the JSON of one file edited in place."""
    files = files_of(archive)
    content = json.loads(files[name])
    edit(content)
    return packed({**files, name: json.dumps(content).encode()})


class Function(nn.Module):
    """A module of a function and of nothing else."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any, **named: Any) -> Any:
        return self.function(*inputs, **named)


class Scaled(nn.Module):
    """A parameter, a buffer and a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 2)
        self.register_buffer("scale", torch.tensor([2.0, 3.0]))
        self.register_buffer("shift", torch.tensor([0.25, 0.5]), persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        half = values.reshape(values.shape[0] * 2, -1)
        scores: Tensor = self.head(torch.cat([half, half], 1)) * self.scale + self.shift
        return scores + torch.tensor([0.5, 1.5])


class Named(nn.Module):
    """Parameters whose paths are keys of containers."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleDict({"3x3": nn.Linear(4, 4), "a-b": nn.Linear(4, 4)})
        self.steps = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))

    def forward(self, input: Tensor) -> Tensor:
        branches: Tensor = self.branches["3x3"](input) + self.branches["a-b"](input)
        steps: Tensor = self.steps(input)
        return branches + steps


class Counting(nn.Module):
    """A buffer that is written to."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, values: Tensor) -> Tensor:
        self.calls.add_(1)
        return values * self.calls


class Shared(nn.Module):
    """Weights that are tied, parts of one storage, transposed, a slice of a longer one, and empty."""

    part: Tensor
    empty: Tensor
    repeated: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)
        self.second.weight = self.first.weight
        joint = torch.randn(8, 4)
        self.query, self.key = nn.Parameter(joint[:4]), nn.Parameter(joint[4:])
        self.turned = nn.Parameter(torch.randn(4, 4).T)
        self.register_buffer("part", torch.randn(9, 4)[2:6])
        self.register_buffer("empty", torch.zeros(0, 4))
        self.register_buffer("repeated", torch.ones(1, 1).expand(4, 4))

    def forward(self, values: Tensor) -> Tensor:
        mixed = self.second(self.first(values)) @ self.query @ self.key @ self.turned
        return torch.cat([mixed + self.part + self.repeated, self.empty])


class Typed(nn.Module):
    """Weights and buffers of many element types."""

    p_float16: Tensor
    p_bfloat16: Tensor
    p_float64: Tensor
    b_int8: Tensor
    b_uint8: Tensor
    b_int16: Tensor
    b_int32: Tensor
    b_int64: Tensor
    b_bool: Tensor
    wave: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("float16", "bfloat16", "float64"):
            self.register_parameter(
                f"p_{name}", nn.Parameter(torch.randn(4).to(getattr(torch, name)))
            )
        for name in ("int8", "uint8", "int16", "int32", "int64", "bool"):
            self.register_buffer(f"b_{name}", torch.arange(4).to(getattr(torch, name)))
        self.register_buffer("wave", torch.randn(4, dtype=torch.complex64))

    def forward(self, values: Tensor, places: Tensor) -> tuple[Tensor, ...]:
        total = values + self.p_float16 + self.p_bfloat16 + self.p_float64
        whole = self.b_int8 + self.b_uint8 + self.b_int16 + self.b_int32 + self.b_int64[places]
        return total, whole, self.b_bool, (values * self.wave).real, total.to(torch.bfloat16)


class Picture(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Hardswish())
        self.words = nn.Embedding(9, 4)

    def forward(self, image: Tensor, word: Tensor) -> Tensor:
        features = nn.functional.interpolate(self.layers(image), scale_factor=2.0, mode="bilinear")
        pooled: Tensor = nn.functional.adaptive_avg_pool2d(features, 1).flatten(1)
        return torch.softmax(pooled + self.words(word), -1)


def _nested(pair: tuple[Tensor, list[Tensor]], more: dict[str, Any], *, scale: float) -> Any:
    total = pair[0] + pair[1][0] * scale + more["a"]["b"]
    return {"total": total, "rest": [pair[1][0], (total, None)], "count": 3, "ok": True, 7: 1.5}


def _containers(values: Tensor) -> Any:
    return OrderedDict(first=values + 1, second=deque([values, values * 2], maxlen=4))


def _branches(values: Tensor) -> Tensor:
    result: Tensor = torch.cond(
        values.shape[0] > 3, lambda one: one.sin(), lambda one: one.cos() * 2, (values,)
    )
    return result


def _loop(values: Tensor) -> Tensor:
    from torch._higher_order_ops.while_loop import while_loop

    count = torch.zeros((), dtype=torch.int64)
    result: Tensor = while_loop(  # type: ignore[no-untyped-call]
        lambda number, one: number < 3, lambda number, one: (number + 1, one * 2), (count, values)
    )[1]
    return result


def _modes(values: Tensor) -> Tensor:
    with torch.no_grad():
        fixed = values * 2
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = fixed @ fixed.T
    return mixed.float()


def _lists(values: Tensor) -> Any:
    best, place = values.max(1)
    first, second = values.chunk(2, 1)
    _, unused = torch.split(values, [1, 3], 1)
    return best, place, first, second[place > 0], values[:, [0, 2]], torch.stack([first, second])


def _unbacked(values: Tensor) -> tuple[Tensor, Tensor]:
    places = torch.nonzero(values > 0)
    return places, values[places[:, 0]].sum(0)


def _sizes(values: Tensor, other: Tensor) -> Any:
    rows = values.shape[0]
    cut = values.repeat(rows, 1)[::2]
    return cut, values + other, rows * 2 + 1, values.reshape(-1), torch.full((rows,), float("inf"))


def _texts(values: Tensor) -> Tensor:
    padded = nn.functional.pad(values, (1, 1), mode="replicate")
    return torch.einsum("ab,cb->ac", padded, nn.functional.gelu(padded, approximate="tanh"))


_ROWS = Dim("rows", min=2, max=9)
_SQUARE = torch.linspace(-1, 2, 16).reshape(4, 4)
_PICTURE = torch.linspace(-1, 1, 192).reshape(1, 3, 8, 8)


def _function(function: Callable[..., Any], *inputs: Any, **more: Any) -> Sample:
    return Sample(lambda: Function(function), inputs, **more)


SAMPLES: dict[str, Sample] = {
    "plain": Sample(Scaled, (_SQUARE,)),
    "dynamic": Sample(Scaled, (_SQUARE,), shapes=({0: _ROWS},)),
    "decomposed": Sample(Scaled, (_SQUARE,), shapes=({0: _ROWS},), decomposed=True),
    "named": Sample(Named, (_SQUARE,)),
    "counting": Sample(Counting, (_SQUARE,)),
    "counting-decomposed": Sample(Counting, (_SQUARE,), decomposed=True),
    "shared": Sample(Shared, (_SQUARE,)),
    "typed": Sample(Typed, (torch.ones(4), torch.tensor([2, 1, 0, 3]))),
    "picture": Sample(Picture, (_PICTURE, torch.tensor([3]))),
    "picture-decomposed": Sample(Picture, (_PICTURE, torch.tensor([3])), decomposed=True),
    "nested": _function(
        _nested, (_SQUARE, [_SQUARE * 2]), {"a": {"b": _SQUARE}}, named={"scale": 2.5}
    ),
    "containers": _function(_containers, _SQUARE),
    "input-mutation": _function(lambda values: values.add_(1), _SQUARE.clone(), decomposed=True),
    "branches": Sample(lambda: Function(_branches), (_SQUARE,), shapes={"inputs": ({0: _ROWS},)}),
    "branches-fixed": _function(
        lambda flag, values: torch.cond(flag, lambda one: one + 1, lambda one: one - 1, (values,)),
        torch.tensor(True),
        _SQUARE,
    ),
    "loop": _function(_loop, _SQUARE),
    "modes": _function(_modes, _SQUARE),
    "lists": _function(_lists, _SQUARE),
    "unbacked": _function(_unbacked, _SQUARE),
    "sizes": Sample(
        lambda: Function(_sizes), (_SQUARE, _SQUARE), shapes={"inputs": ({0: _ROWS}, {0: _ROWS})}
    ),
    "derived": Sample(
        lambda: Function(lambda one, other: one.repeat(2, 1) + other),
        (_SQUARE, torch.ones(8, 4)),
        shapes={"inputs": ({0: _ROWS}, {0: 2 * _ROWS})},
    ),
    "texts": _function(_texts, _SQUARE),
    "attention": _function(
        lambda one: nn.functional.scaled_dot_product_attention(one, one, one, is_causal=True),
        torch.linspace(-1, 1, 32).reshape(1, 2, 4, 4),
    ),
    "spectrum": _function(lambda one: torch.fft.rfft(one).abs(), _SQUARE),
    "kept-constant": _function(lambda one, other: one * 2 + (other or 0), _SQUARE, None),
}
