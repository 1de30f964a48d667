"""Models that sample pictures anew, and the plainest of all: as files, to validated programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
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


class Resampled(nn.Module):
    """Three ways to sample a picture anew, each with an output of its own.

    The first is warped by a grid. The second is resized as Pillow does it. The third, super resolution, is a
    correction of what bicubic interpolation gives.
    """

    def __init__(self, bicubic: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.finer = nn.Conv2d(3, 12, 3, padding=1) if bicubic else None

    def forward(self, x: Tensor, grid: Tensor) -> tuple[Tensor, ...]:
        warped = functional.grid_sample(self.stem(x), torch.tanh(grid), align_corners=False)
        small = functional.interpolate(
            x, size=(6, 6), mode="bilinear", antialias=True, align_corners=False
        )
        found = (warped, self.stem(small))
        if self.finer is None:
            return found
        large = functional.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)
        return (*found, functional.pixel_shuffle(self.finer(x), 2) + large)


class Straightened(nn.Module):
    """A spatial transformer: an affine grid that the picture itself decides."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.where = nn.Linear(4, 6)
        self.where.bias.data.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]))

    def forward(self, x: Tensor) -> Tensor:
        found = self.stem(x)
        theta = self.where(found.mean((2, 3))).unflatten(1, (2, 3))
        grid = functional.affine_grid(theta, [1, 4, 16, 16], align_corners=False)
        return functional.grid_sample(found, grid, align_corners=False)


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
    backend: str


_PICTURE = ("float32[1,3,16,16]",)
_WARPING = (*_PICTURE, "float32[1,8,8,2]")
_ALL = partial(Resampled, bicubic=True)
# ExecuTorch's passes for Vulkan fail on what bicubic interpolation is made of: docs/operators.md.
_WITHOUT_BICUBIC = partial(Resampled, bicubic=False)
CASES = (
    Case(_ALL, exported, _WARPING, "portable"),
    Case(_ALL, traced, _WARPING, "xnnpack"),
    Case(_ALL, traced, _WARPING, "coreml"),
    Case(_WITHOUT_BICUBIC, exported, _WARPING, "vulkan"),
    Case(Straightened, scripted, _PICTURE, "xnnpack"),
    Case(Straightened, traced, _PICTURE, "coreml"),
    Case(Plainest, exported, _PICTURE, "portable"),
    Case(Plainest, scripted, _PICTURE, "xnnpack"),
    Case(Plainest, exported, _PICTURE, "coreml"),
    Case(Plainest, scripted, _PICTURE, "vulkan"),
)


def _id(case: Case) -> str:
    model = case.model.func if isinstance(case.model, partial) else case.model
    return f"{model.__name__}, {case.save.__name__}, {case.backend}"


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_from_the_file_to_a_validated_program(tmp_path: Path, case: Case) -> None:
    torch.manual_seed(0)
    shapes = [tuple(map(int, text[8:-1].split(","))) for text in case.inputs]
    file = case.save(tmp_path, case.model().eval(), tuple(torch.randn(one) for one in shapes))
    inputs = {f"x{number}": text for number, text in enumerate(case.inputs)}
    workspace = own_workspace(tmp_path, file, inputs, case.backend)
    cases = workspace.run()
    assert failed_kinds(cases) == {}, {one: cases[one].message for one in failed_kinds(cases)}
