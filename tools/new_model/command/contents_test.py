from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from new_model.command.contents import Taken, shared, summary, take
from new_model.command.outline import read_outline
from workspace.errors import ToolError

NET = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
STATE = NET.state_dict()


class Settings:
    """Of a training script."""


def taken(folder: Path, content: object, key: str | None = None) -> Taken:
    torch.save(content, folder / "m.pt")
    return take("m.pt", read_outline(folder / "m.pt").content, key)


def refusal(folder: Path, content: object, key: str | None = None) -> str:
    with pytest.raises(ToolError) as caught:
        taken(folder, content, key)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (STATE, None),
        ({"state_dict": STATE, "epoch": 3}, "state_dict"),
        ({"model": STATE, "state_dict": STATE}, "state_dict"),
        ({"my_weights": STATE, "args": Settings()}, "my_weights"),
        ({"checkpoint": {"net": {"g": STATE}}}, "checkpoint/net/g"),
        ({"ema": NET, "epoch": 3}, "ema"),
        (
            {
                "model": STATE,
                "optimizer": {"state": {"0.weight": {"exp_avg": torch.ones(2)}}},
                "rng_state": {"cpu": torch.ones(2)},
                "lr_scheduler": {"base": {"x": torch.ones(2)}},
            },
            "model",
        ),
    ],
)
def test_what_is_meant(tmp_path: Path, content: object, key: str | None) -> None:
    found = taken(tmp_path, content)
    assert found.key == key
    assert list(found.tensors) == list(STATE)
    assert {name: one.shape for name, one in found.tensors.items()} == {
        name: tuple(value.shape) for name, value in STATE.items()
    }


def _layouts() -> dict[str, tuple[object, str | None]]:
    """Checkpoints as the scripts of well-known projects lay them out, and the key that is meant."""
    wrapped = {f"module.{name}": value for name, value in STATE.items()}
    optimizer = {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 0.1}]}
    args = argparse.Namespace(lr=0.1)
    return {
        "timm": (
            {
                "epoch": 3,
                "arch": "x",
                "state_dict": STATE,
                "optimizer": optimizer,
                "args": args,
                "amp_scaler": {"scale": torch.ones(1)},
                "state_dict_ema": STATE,
                "metric": np.float64(0.5),
            },
            "state_dict",
        ),
        "torchvision's references": (
            {
                "model": STATE,
                "optimizer": optimizer,
                "lr_scheduler": {"milestones": Counter([2])},
                "args": args,
                "model_ema": {"n_averaged": torch.tensor(1), **wrapped},
            },
            "model",
        ),
        "Hugging Face": (STATE, None),
        "mmengine": (
            {"meta": {"time": "x"}, "state_dict": STATE, "message_hub": Settings()},
            "state_dict",
        ),
        "fairseq": (
            {"args": args, "model": STATE, "optimizer_history": [{}], "extra_state": {"x": 1}},
            "model",
        ),
        "nnU-Net": (
            {
                "network_weights": STATE,
                "optimizer_state": optimizer,
                "grad_scaler_state": {"scale": torch.ones(1)},
                "init_args": {"plans": {"x": [1]}},
            },
            "network_weights",
        ),
        "fastai": ({"model": STATE, "opt": {"state": [{"x": torch.ones(2)}]}}, "model"),
        "DeepSpeed": (
            {"module": STATE, "buffer_names": ["x"], "optimizer": None, "dp_world_size": 2},
            "module",
        ),
        "Real-ESRGAN": ({"params": STATE, "params_ema": STATE}, "params"),
        "Whisper": ({"dims": {"n_mels": 80}, "model_state_dict": STATE}, "model_state_dict"),
        "Accelerate": ({"step": 3, "models": {"unet": STATE}}, "models/unet"),
        "a snapshot of Lightning": (
            {"state_dict": wrapped, "hyper_parameters": args, "loops": {"fit_loop": {"x": {}}}},
            "state_dict",
        ),
        "the module itself": ({"epoch": 3, "model": NET, "ema": NET, "updates": 7}, "model"),
    }


@pytest.mark.parametrize("project", _layouts())
def test_layouts_of_well_known_projects(tmp_path: Path, project: str) -> None:
    content, key = _layouts()[project]
    found = taken(tmp_path, content)
    assert found.key == key and len(found.tensors) == len(STATE)


def test_averaged_weights_beside_the_raw_ones(tmp_path: Path) -> None:
    content = {"state_dict": STATE, "state_dict_ema": STATE, "optimizer": {"state": {}}}
    found = taken(tmp_path, content)
    assert found.key == "state_dict"
    assert found.others == ("state_dict_ema (7 tensors, 120 bytes, float32 and int64)",)
    assert taken(tmp_path, content, "state_dict_ema").key == "state_dict_ema"
    assert taken(tmp_path, {"ema": {"model": NET}}, "ema/model").pickled


def test_keys_and_what_each_holds(tmp_path: Path) -> None:
    content = {
        "generator": STATE,
        "discriminator": NET,
        "step": torch.ones(2, 3),
        "args": Settings(),
        "losses": [1.0, 2.0],
        "epoch": 3,
    }
    message = refusal(tmp_path, content)
    for part in (
        "generator: a state_dict of 7 tensors, 120 bytes",
        "discriminator: a pickled module, torch.nn.modules.container.Sequential, of 7 tensors",
        "step: a tensor, float32[2,3]",
        f"args: a {Settings.__module__}.Settings, which is not read",
        "losses: a list of 2",
        "epoch: 3",
        "--key generator, or --key discriminator",
    ):
        assert part in message, message


@pytest.mark.parametrize(
    ("content", "key", "told"),
    [
        ({"a": STATE}, "b", "--key b: m.pt has no such key. Its keys: a: a state_dict"),
        ({"a": STATE}, "a/b", "no such key"),
        ({"a": STATE, "n": 3}, "n", "m.pt has 3 there, and no state_dict"),
        ([STATE], "a", "The file holds a list of 1"),
        ({"a": {"b": 1}}, None, "a: a dict of 1"),
        ({**STATE, "epoch": 3}, None, "epoch: 3"),
    ],
)
def test_no_state_dict(tmp_path: Path, content: object, key: str | None, told: str) -> None:
    assert told in refusal(tmp_path, content, key)


def test_many_keys_and_cycles_end(tmp_path: Path) -> None:
    content: dict[str, object] = {}
    content.update({f"key {number}": content for number in range(1000)})
    message = refusal(tmp_path, content)
    assert "and 988 more" in message and len(message) < 1500


def test_shared_tensors_count_once(tmp_path: Path) -> None:
    words = nn.Embedding(5, 3)
    head = nn.Linear(3, 5, bias=False)
    head.weight = words.weight
    module = nn.ModuleDict({"words": words, "head": head})
    found = taken(tmp_path, module.state_dict())
    assert shared(found.tensors) == [("words.weight", "head.weight")]
    assert summary(found.tensors) == "2 tensors, 60 bytes, float32"
    assert shared(taken(tmp_path, STATE).tensors) == []


def test_half_precision_and_parameters(tmp_path: Path) -> None:
    found = taken(tmp_path, {"w": nn.Parameter(torch.ones(3).bfloat16())})
    assert summary(found.tensors) == "1 tensor, 6 bytes, bfloat16"


def test_tensors_that_cannot_be_read(tmp_path: Path) -> None:
    assert "to_dense" in refusal(tmp_path, {"w": torch.ones(2, 2).to_sparse()})
    quantised = torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8)
    assert "dequantize" in refusal(tmp_path, {"w": quantised})
