"""From what `yolo train` writes to the model that ultralytics would run, and to what delegates take of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from new_model.command.recognise import recognise
from new_model.command.ultralytics import Trained
from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.vulkan import lowering as vulkan
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.models.checkpoints.refusal import Unfit
from pte_foundry.models.checkpoints.restricted import load_checkpoint
from pte_foundry.models.checkpoints.values import apply_state
from pte_foundry.models.ultralytics_model import ultralytics_definition
from pte_foundry.rewrites import ultralytics_for_float16, ultralytics_for_xnnpack
from ultralytics_models.trained import new_model, save_as_trainer

NAMES = ["bolt", "nut", "washer"]
SIZE = (96, 128)
TASKS = ("", "-seg", "-pose", "-cls", "-obb")
ARCHITECTURES = ["yolov5n"] + [
    f"{family}n{task}" for family in ("yolov8", "yolo11", "yolo26") for task in TASKS
]


def built(path: Path, found: Trained, size: tuple[int, int] = SIZE) -> nn.Module:
    """As an export builds it."""
    definition = ultralytics_definition(
        found.architecture,
        found.classes,
        size,
        found.key_points or (17, 3),
        found.activated_pooling,
    )
    content = load_checkpoint(path, definition.checkpoint_globals, unknown_as_records=True)
    apply_state(definition.module, definition.adapt_checkpoint(content))
    return definition.module.eval().requires_grad_(False)


def own_outputs(path: Path, picture: Tensor) -> list[Tensor]:
    """What ultralytics computes, before it sorts and suppresses."""
    from ultralytics.nn import tasks  # type: ignore[import-not-found]  # pants: no-infer-dep

    model, _ = tasks.load_checkpoint(path)
    head = model.model[-1]
    with torch.no_grad():
        if getattr(head, "one2one_cv2", None) is None:
            head.export = True
            found = model(picture)
            return [found] if isinstance(found, Tensor) else list(found)
        # Boxes as centres and sizes, of the head that gives an object one box.
        found, raw = model(picture)
        head.end2end = False
        decoded = [head._inference(raw["one2one"])]
        return [*decoded, raw["one2one"]["proto"]] if isinstance(found, tuple) else decoded


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_trained_model(tmp_path: Path, architecture: str) -> None:
    path, points = tmp_path / "best.pt", (5, 3)
    model = new_model(architecture, NAMES, points)
    save_as_trainer(path, model, list(SIZE), finished="v8" in architecture)
    found = recognise(path).trained
    assert found is not None
    # Classifiers of both families are the same.
    assert found.architecture == architecture.replace("yolo26n-cls", "yolo11n-cls")
    assert (found.labels, found.size) == (tuple(NAMES), SIZE)
    module = built(path, found)
    picture = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        outputs = module(picture)
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    expected = own_outputs(path, picture)
    assert [one.shape for one in outputs] == [one.shape for one in expected]
    for one, other in zip(outputs, expected):
        assert (one - other).abs().max() <= 1e-5 * other.abs().max()
    for rewrite, lower, precision in (
        (ultralytics_for_xnnpack, xnnpack.lower, "fp32"),
        (ultralytics_for_float16, vulkan.lower, "fp16"),
    ):
        rewritten = rewrite.rewrite(module, (picture,))
        with torch.no_grad():
            program = torch.export.export(rewritten, (picture,), strict=False)
        facts = inspect_program(
            bytes(lower(LoweringRequest(program, precision, {})).program.buffer)
        )
        assert (facts.delegate_calls, facts.undelegated_total) == (1, 0), (
            precision,
            facts.undelegated,
        )


@pytest.mark.parametrize("scale", "smlx")
@pytest.mark.parametrize("family", ["yolov5", "yolov8", "yolo11", "yolo26"])
def test_other_scales(tmp_path: Path, family: str, scale: str) -> None:
    path = tmp_path / "best.pt"
    save_as_trainer(path, new_model(f"{family}{scale}", NAMES), 64)
    found = recognise(path).trained
    assert found is not None and found.architecture == f"{family}{scale}"
    built(path, found, (64, 64))


def changed_stride(model: Any) -> None:
    model.model[-2].cv2.conv.stride = (2, 2)


def changed_wiring(model: Any) -> None:
    model.model[-1].f = [13, 16, 22]


def changed_shape(model: Any) -> None:
    old = model.model[0].conv
    model.model[0].conv = nn.Conv2d(3, old.out_channels, 5, 2, 2, bias=False)


def changed_activation(model: Any) -> None:
    model.model[1].act = nn.ReLU()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (changed_stride, "has stride"),
        (changed_wiring, r"has f \(13, 16, 22\) instead of \(16, 19, 22\)"),
        (changed_shape, "model.0.conv has kernel_size"),
        (changed_activation, "is ReLU instead of SiLU"),
    ],
)
def test_a_model_that_was_changed_by_hand(tmp_path: Path, change: Any, told: str) -> None:
    path, model = tmp_path / "best.pt", new_model("yolo11n", NAMES)
    change(model)
    save_as_trainer(path, model, 64)
    found = recognise(path).trained
    assert found is not None
    with pytest.raises(Unfit, match=f"{told}.*make TorchScript of it"):
        built(path, found, (64, 64))
