"""A checkpoint in ultralytics' form: `python yolo_checkpoint.py CHECKPOINT FACTS`, in the toolchain of a YOLO model.

Weights are the seeded ones, of which thresholds of tests know how far float programs are from the eager model. Only the
last convolutions of the classes are changed, so that the model detects a few things of one class on the photograph of a
bus, and no other class at all.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pte_foundry.models import yolo
from pte_foundry.models.checkpoints.seeded import initialise
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.photographs.decode import read_photograph
from pte_foundry.records.tensor_spec import TensorSpec
from pte_foundry.validation.detections import BOX, decode
from pte_foundry.validation.task import CLEAR_SCORE

MODEL = "yolo11n"
INPUTS, EXPECTED, CLASSES = "inputs", "expected", "classes"
"""What is in FACTS: a prepared picture, float32 [1, 3, 640, 640]; the output for it; the class of each detection."""

_FEW = 20
# Between the logits of what is seen and of what is not: scores from 0.45 to 0.55.
_GAP = 0.4
_NEVER = -20.0


def main(checkpoint: Path, facts: Path) -> None:
    definition = yolo.build(MODEL)
    module = definition.module
    # Not earlier: the builder switches off its network access.
    import ultralytics  # type: ignore[import-not-found]  # pants: no-infer-dep

    (inputs,) = fixed_inputs([TensorSpec("image", "float32", (1, 3, 640, 640))], 1)
    initialise(module, inputs, seed=MODEL)
    picture = read_photograph(Path(ultralytics.__file__).parent / "assets/bus.jpg")
    (bus,) = definition.preprocess(picture)
    with torch.no_grad():
        # As published: in half precision.
        module.half().float()
        seen = _see_few(module, bus)
        module.half()
        content = {
            **{"epoch": -1, "best_fitness": None, "model": module, "ema": None, "updates": None},
            # No two files are equal, so that each has to be fetched.
            **{"optimizer": None, "train_args": {"imgsz": 640}, "version": secrets.token_hex(8)},
        }
        torch.save(content, checkpoint)
        output = module.float()(bus)
    found = decode(output, CLEAR_SCORE)
    assert set(found.classes.tolist()) == {seen} and float(found.scores.min()) > 0.53
    np.savez(
        facts, **{INPUTS: bus.numpy(), EXPECTED: output.numpy(), CLASSES: found.classes.numpy()}
    )


def _see_few(module: nn.Module, picture: Tensor) -> int:
    """Put the widest gap between the highest logits of any class around the score 0.5; returns the class.

    The widest, because what steepens the scores steepens rounding errors too.
    """
    logits = torch.logit(module(picture)[0, BOX:].double()).sort(descending=True).values
    gaps = logits[:, :_FEW] - logits[:, 1 : _FEW + 1]
    seen, last = divmod(int(gaps.argmax()), _FEW)
    scale = _GAP / float(gaps[seen, last])
    middle = float(logits[seen, last] + logits[seen, last + 1]) / 2
    head = list(module.model.children())[-1]  # type: ignore[union-attr]
    for branch in head.cv3:
        convolution = list(branch.children())[-1]
        bias = float(convolution.bias[seen])
        convolution.bias.fill_(_NEVER)
        convolution.weight[seen] *= scale
        convolution.bias[seen] = (bias - middle) * scale
    return seen


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
