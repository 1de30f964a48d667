from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.vulkan import lowering as vulkan
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.models.checkpoints.seeded import initialise
from pte_foundry.rewrites import (
    levelwise_heads,
    ultralytics_for_float16,
    ultralytics_for_mps,
    ultralytics_for_portable,
    ultralytics_for_xnnpack,
)
from pte_foundry.speedups.install import speedups
from pte_foundry.testing.tiny_detector import (
    CLASSES,
    POINTS,
    Conv,
    Detect,
    Pose,
    TinyDetector,
    tiny_inputs,
)
from pte_foundry.validation.runtime import load_program

CHANNELS, STRIDES, MASKS = [8, 16], [2.0, 4.0], 5


def branches(count: int) -> nn.ModuleList:
    return nn.ModuleList(nn.Sequential(nn.Conv2d(c, count, 1)) for c in CHANNELS)


def joined(layers: nn.ModuleList, maps: list[Tensor]) -> Tensor:
    return torch.cat([layer(x).flatten(2) for layer, x in zip(layers, maps)], 2)


class Proto(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cv1 = Conv(8, 6, 3)
        self.upsample = nn.ConvTranspose2d(6, 6, 2, 2)
        self.cv2 = Conv(6, MASKS)

    def forward(self, x: Tensor | list[Tensor]) -> Tensor:
        y: Tensor = self.cv2(self.upsample(self.cv1(x[0] if isinstance(x, list) else x)))
        return y


class Segment(Detect):
    def __init__(self, bins: int = 8) -> None:
        super().__init__(CHANNELS, STRIDES, bins)
        self.nm, self.cv4, self.proto = MASKS, branches(MASKS), Proto()

    def forward(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        found = torch.cat((super().forward(maps), joined(self.cv4, maps)), 1)
        return found, self.proto(maps[0])


class OBB(Detect):
    def __init__(self, bins: int = 8) -> None:
        super().__init__(CHANNELS, STRIDES, bins)
        self.ne, self.cv4 = 1, branches(1)

    def angles(self, maps: list[Tensor]) -> Tensor:
        return (joined(self.cv4, maps).sigmoid() - 0.25) * math.pi

    def decode(
        self, left_top: Tensor, right_bottom: Tensor, centres: Tensor, maps: list[Tensor]
    ) -> Tensor:
        angle = self.angles(maps)
        x, y = ((right_bottom - left_top) / 2).chunk(2, 1)
        turned = (x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos())
        return torch.cat((torch.cat(turned, 1) + centres, left_top + right_bottom), 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        return torch.cat((super().forward(maps), self.angles(maps)), 1)


class OBB26(OBB):
    def __init__(self) -> None:
        super().__init__(1)

    def angles(self, maps: list[Tensor]) -> Tensor:
        return joined(self.cv4, maps)


class Pose26(Detect):
    def __init__(self) -> None:
        super().__init__(CHANNELS, STRIDES, 1)
        self.kpt_shape = [POINTS, 3]
        self.cv4 = branches(6)
        self.cv4_kpts = nn.ModuleList(nn.Conv2d(6, 3 * POINTS, 1) for _ in CHANNELS)

    def forward(self, maps: list[Tensor]) -> Tensor:
        points = []
        for first, last, x, stride in zip(self.cv4, self.cv4_kpts, maps, STRIDES):
            rows, columns = torch.meshgrid(
                torch.arange(x.shape[2]) + 0.5, torch.arange(x.shape[3]) + 0.5, indexing="ij"
            )
            y = last(first(x)).view(1, POINTS, 3, -1)
            places = (y[:, :, :2] + torch.stack((columns.flatten(), rows.flatten()))) * stride
            points.append(torch.cat((places, y[:, :, 2:].sigmoid()), 2).flatten(1, 2))
        return torch.cat((super().forward(maps), torch.cat(points, 2)), 1)


HEADS: dict[str, Callable[[], nn.Module]] = {
    "Detect": lambda: Detect(CHANNELS, STRIDES),
    "Detect of YOLO26": lambda: Detect(CHANNELS, STRIDES, 1),
    "Pose": lambda: Pose(CHANNELS, STRIDES, 3),
    "Pose26": Pose26,
    "Segment": Segment,
    "OBB": OBB,
    "OBB26": OBB26,
}
each_head = pytest.mark.parametrize("name", list(HEADS))


def model_with(head: nn.Module) -> TinyDetector:
    model = TinyDetector().eval()
    old = model.model[-1]
    head.i, head.f = old.i, old.f
    model.model[-1] = head.eval()
    initialise(model, tiny_inputs(1)[0], "tiny")
    return model.requires_grad_(False)


def outputs(model: nn.Module, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    with torch.no_grad():
        found = model(*inputs)
    return [found] if isinstance(found, Tensor) else list(found)


@each_head
@pytest.mark.parametrize(
    "rewrite",
    [
        ultralytics_for_portable,
        ultralytics_for_xnnpack,
        ultralytics_for_float16,
        ultralytics_for_mps,
    ],
    ids=lambda module: module.__name__.rpartition("_")[2],
)
def test_the_outputs_stay(name: str, rewrite: object) -> None:
    model = model_with(HEADS[name]())
    inputs = tiny_inputs(1)[0]
    rewritten = rewrite.rewrite(model, inputs)  # type: ignore[attr-defined]
    for inputs in tiny_inputs():
        expected, found = outputs(model, inputs), outputs(rewritten, inputs)
        assert [one.shape for one in found] == [one.shape for one in expected]
        assert expected[0].shape[1] > 4 + CLASSES or "Detect" in name
        for one, other in zip(expected, found):
            assert one.std() > 0.01
            assert (one - other).abs().max() <= 2e-5 * float(one.amax() - one.amin())
    kinds = {type(layer).__name__ for layer in rewritten.modules()}
    assert "BatchNorm2d" not in kinds
    if rewrite is not ultralytics_for_portable:
        assert type(model.model[-1]).__name__ not in kinds


class Alone(nn.Module):
    """The last layer of a model, on the maps that the model gives it.

    The layers before it are the same for every head: `yolo_rewrites_test` lowers them all.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.head = model.get_submodule("model")[-1]  # type: ignore[index]

    def forward(self, *maps: Tensor) -> list[Tensor]:
        found = self.head(list(maps))
        return [found] if isinstance(found, Tensor) else list(found)


def maps_of(model: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """What the head of a model is called with."""
    found: list[Tensor] = []
    head = Alone(model).head
    hook = head.register_forward_pre_hook(lambda _, given: found.extend(given[0]))
    outputs(model, inputs)
    hook.remove()
    return tuple(found)


@each_head
def test_delegates_take_the_whole_head(name: str) -> None:
    inputs = tiny_inputs(1)[0]
    model = model_with(HEADS[name]())
    maps = maps_of(model, inputs)
    assert [one.shape[1] for one in maps] == CHANNELS
    for rewrite, lower, precision in (
        (ultralytics_for_xnnpack, xnnpack.lower, "fp32"),
        (ultralytics_for_float16, vulkan.lower, "fp16"),
    ):
        head = Alone(rewrite.rewrite(model, inputs))
        with torch.no_grad(), speedups():
            program = torch.export.export(head, maps, strict=False)
            pte = bytes(lower(LoweringRequest(program, precision, {})).program.buffer)
        facts = inspect_program(pte)
        assert (facts.delegate_calls, facts.undelegated_total) == (1, 0), (name, precision)
        if precision == "fp32":
            for found, expected in zip(load_program(pte).run(maps), outputs(Alone(model), maps)):
                assert (found - expected).abs().max() < 1e-3


def test_a_change_in_any_output_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(levelwise_heads.Segmentation):
        def forward(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
            found, prototypes = super().forward(maps)
            return found, prototypes * 1.01

    monkeypatch.setattr(levelwise_heads, "Segmentation", Wrong)
    with pytest.raises(PteError, match="output 1, changes channel"):
        ultralytics_for_xnnpack.rewrite(model_with(Segment()), tiny_inputs(1)[0])


def test_several_angles_are_refused() -> None:
    head = OBB()
    head.ne = 2
    with pytest.raises(PteError, match="more than one angle"):
        ultralytics_for_xnnpack.rewrite(model_with(head), tiny_inputs(1)[0])
