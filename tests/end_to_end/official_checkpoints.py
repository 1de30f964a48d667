"""Checkpoints in the forms of the official ones, and what their models compute. The values are made here."""

from __future__ import annotations

import io
import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from skimage import data
from torch import Tensor, nn

from end_to_end import yolo_checkpoint
from end_to_end.clone import UserClone
from end_to_end.kept_toolchain import toolchain_of
from pte_foundry.models import mobilenet, pe
from pte_foundry.models.checkpoints.seeded import initialise
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.models.pe_checkpoint import vision_state
from pte_foundry.records.tensor_spec import TensorSpec

MOBILENET = "mobilenet_v3_small"
PE = "pe_core_t16_384"
YOLO = yolo_checkpoint.MODEL

# Meta's name of each part, by timm's; in this order.
_META = {
    "attn_pool.latent": "attn_pool.probe",
    "attn_pool.norm.": "attn_pool.layernorm.",
    "attn_pool.proj.": "attn_pool.attn.out_proj.",
    "blocks.": "transformer.resblocks.",
    "attn.qkv.": "attn.in_proj_",
    "attn.proj.": "attn.out_proj.",
    "mlp.fc1.": "mlp.c_fc.",
    "mlp.fc2.": "mlp.c_proj.",
    "norm_pre.": "ln_pre.",
    ".norm1.": ".ln_1.",
    ".norm2.": ".ln_2.",
    "patch_embed.proj.": "conv1.",
    "pos_embed": "positional_embedding",
    "cls_token": "class_embedding",
}


@dataclass(frozen=True)
class MadeCheckpoint:
    """A file; what its eager model computes; and what it sees in pictures, as `expected_labels` has it.

    inputs, expected: float32; one picture as its model takes it, and the first output for that.
    """

    content: bytes
    inputs: Tensor
    expected: Tensor
    seen: Mapping[str, str]


def torchvision_file() -> MadeCheckpoint:
    """A state_dict, of MobileNetV3-small."""
    definition = mobilenet.build(MOBILENET)
    module = definition.module
    _seed(module, MOBILENET, 224)
    with torch.no_grad():
        _make_unique(module.get_parameter("classifier.3.bias")[:1])
        pictures = {name: torch.from_numpy(getattr(data, name)()) for name in ("chelsea", "coffee")}
        prepared = {name: definition.preprocess(picture)[0] for name, picture in pictures.items()}
        logits = {name: module(picture) for name, picture in prepared.items()}
    labels = Path("models/mobilenet/labels.txt").read_text().splitlines()
    seen = {f"{name}.png": labels[int(scores.argmax())] for name, scores in logits.items()}
    content = _saved(module.state_dict())
    return MadeCheckpoint(content, prepared["chelsea"], logits["chelsea"], seen)


def ultralytics_file(clone: UserClone, scratch: Path) -> MadeCheckpoint:
    """A pickled model, of YOLO11n. Only its toolchain has ultralytics."""
    toolchain = toolchain_of(clone, f"models/yolo:{YOLO}_portable")
    sources = toolchain.sandbox / "src/python"
    shutil.copytree(clone.root / "src/python", sources, dirs_exist_ok=True)
    shutil.copy(yolo_checkpoint.__file__, sources / "yolo_checkpoint.py")
    checkpoint, facts = scratch / "yolo11n.pt", scratch / "yolo11n.npz"
    toolchain.run("-m", "yolo_checkpoint", str(checkpoint), str(facts))
    with np.load(facts, allow_pickle=False) as found:
        inputs, expected = (
            torch.from_numpy(found[name])
            for name in (yolo_checkpoint.INPUTS, yolo_checkpoint.EXPECTED)
        )
        classes = found[yolo_checkpoint.CLASSES].tolist()
    labels = Path("models/yolo/labels.txt").read_text().splitlines()
    seen = ", ".join(labels[number] for number in classes)
    return MadeCheckpoint(checkpoint.read_bytes(), inputs, expected, {"bus.jpg": seen})


def meta_file() -> MadeCheckpoint:
    """Two towers in one state_dict, of PE-Core T16."""
    definition = pe.build(PE)
    module = definition.module
    _seed(module, PE, 384)
    with torch.no_grad():
        module.get_parameter("head.bias").zero_()  # Meta's projection has none.
        _make_unique(module.get_parameter("head.weight")[0, :1])
        cat = torch.from_numpy(data.chelsea())  # type: ignore[no-untyped-call]
        (inputs,) = definition.preprocess(cat)
        expected = module(inputs)
    tower = _meta_tower(module.state_dict())
    text = {
        "positional_embedding": torch.zeros(32, 512),
        "text_projection": torch.zeros(512, 512),
        "logit_scale": torch.zeros([]),
        "token_embedding.weight": torch.zeros(49408, 16),
        "transformer.resblocks.0.attn.in_proj_weight": torch.zeros(1536, 512),
        "ln_final.weight": torch.zeros(512),
    }
    content = {**text, **{f"visual.{name}": value for name, value in tower.items()}}
    taken = vision_state(content, module)
    assert all(torch.equal(taken[name], value) for name, value in module.state_dict().items())
    return MadeCheckpoint(_saved(content), inputs, expected, {})


def _meta_tower(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state_dict of timm's tower, as Meta names and shapes it."""
    pooled = {
        f"attn_pool.attn.in_proj_{kind}": torch.cat(
            [state[f"attn_pool.q.{kind}"], state[f"attn_pool.kv.{kind}"]]
        )
        for kind in ("weight", "bias")
    }
    tower = {}
    for name, value in state.items():
        if name.startswith(("attn_pool.q.", "attn_pool.kv.", "head.")):
            continue
        for part, metas in _META.items():
            name = name.replace(part, metas)
        name = f"ln_post.{name.removeprefix('norm.')}" if name.startswith("norm.") else name
        if name == "class_embedding":
            value = value[0, 0]
        elif name == "positional_embedding":
            value = value[0]
        tower[name] = value
    return {**tower, **pooled, "proj": state["head.weight"].T.contiguous()}


def _seed(module: nn.Module, model: str, side: int) -> None:
    """The values that thresholds of tests are made for."""
    (inputs,) = fixed_inputs([TensorSpec("image", "float32", (1, 3, side, side))], 1)
    initialise(module, inputs, seed=model)


def _make_unique(value: Tensor) -> None:
    """Another file each time: what is in the store already would not be fetched."""
    value += random.random() / 1000


def _saved(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()
