"""Models that sample pictures anew, and the plainest of all: as files, to validated programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pte_foundry.testing.own_workspace import own_workspace, save_exported, save_script
from pte_foundry.testing.workspace import failed_kinds

Save = Callable[[Path, nn.Module, tuple[Tensor, ...]], str]


def traced(folder: Path, model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
    return save_script(folder, model, inputs)


def scripted(folder: Path, model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
    return save_script(folder, model)


def exported(folder: Path, model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
    return save_exported(folder, model, inputs)


class Warped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor, grid: Tensor) -> Tensor:
        return functional.grid_sample(self.stem(x), torch.tanh(grid), align_corners=False)


class Smaller(nn.Module):
    """Resized as Pillow does it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        small = functional.interpolate(
            x, size=(12, 12), mode="bilinear", antialias=True, align_corners=False
        )
        return self.stem(small)  # type: ignore[no-any-return]


class Larger(nn.Module):
    """Super resolution: a correction of what bicubic interpolation gives."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        large = functional.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)
        return functional.pixel_shuffle(self.stem(x), 2) + large


class Plainest(nn.Sequential):
    """The names of its layers begin with a digit, and its batch norm has statistics."""

    def __init__(self) -> None:
        norm = nn.BatchNorm2d(8)
        assert norm.running_mean is not None and norm.running_var is not None
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
        layers = (nn.Conv2d(3, 8, 3, padding=1), norm, nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        super().__init__(*layers, nn.Flatten(), nn.Linear(8, 5))


@dataclass(frozen=True)
class Case:
    model: Callable[[], nn.Module]
    save: Save
    inputs: tuple[str, ...]
    backends: tuple[str, ...]


_ALL = ("portable", "xnnpack", "coreml", "vulkan")
_PICTURE = "float32[1,3,16,16]"
CASES = {
    "warped": Case(Warped, traced, (_PICTURE, "float32[1,8,8,2]"), _ALL),
    "smaller": Case(Smaller, exported, ("float32[1,3,32,32]",), _ALL),
    # ExecuTorch's passes for Vulkan fail on what bicubic interpolation is made of: docs/operators.md.
    "larger": Case(Larger, traced, (_PICTURE,), ("portable", "xnnpack", "coreml")),
    "plainest, scripted": Case(Plainest, scripted, (_PICTURE,), _ALL),
    "plainest, exported": Case(Plainest, exported, (_PICTURE,), _ALL),
}


@pytest.mark.parametrize(
    ("name", "backend"), [(name, backend) for name in CASES for backend in CASES[name].backends]
)
def test_from_the_file_to_a_validated_program(tmp_path: Path, name: str, backend: str) -> None:
    case = CASES[name]
    torch.manual_seed(0)
    shapes = [tuple(map(int, text[8:-1].split(","))) for text in case.inputs]
    file = case.save(tmp_path, case.model().eval(), tuple(torch.randn(one) for one in shapes))
    inputs = {f"x{number}": text for number, text in enumerate(case.inputs)}
    workspace = own_workspace(tmp_path, file, inputs, backend)
    cases = workspace.run()
    assert failed_kinds(cases) == {}, {one: cases[one].message for one in failed_kinds(cases)}
