from __future__ import annotations

import math
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.restricted import load_checkpoint
from pte_foundry.models.checkpoints.values import apply_state
from pte_foundry.models.pe_checkpoint import vision_state
from pte_foundry.testing.tiny_pe import (
    EMBEDDING,
    HEADS,
    PATCH,
    SIDE,
    WIDTH,
    pictures,
    tiny_core,
    tiny_spatial,
)

_GRID, _POOL_HEADS = SIDE // PATCH, 4


def _meta_tower(pooled: bool) -> dict[str, Tensor]:
    """A state_dict with the names and shapes of Meta's `VisionTransformer`."""
    linear = {"mlp.c_fc": (4 * WIDTH, WIDTH), "mlp.c_proj": (WIDTH, 4 * WIDTH)}
    attention = {"in_proj_": (3 * WIDTH, WIDTH), "out_proj.": (WIDTH, WIDTH)}
    shapes: dict[str, tuple[int, ...]] = {
        "class_embedding": (WIDTH,),
        "positional_embedding": (_GRID * _GRID + 1, WIDTH),
        "conv1.weight": (WIDTH, 3, PATCH, PATCH),
    }
    norms = ["ln_pre"]
    for block in (f"transformer.resblocks.{index}" for index in range(2)):
        norms += [f"{block}.ln_1", f"{block}.ln_2"]
        shapes |= {f"{block}.{name}.weight": shape for name, shape in linear.items()}
        shapes |= {f"{block}.attn.{name}weight": shape for name, shape in attention.items()}
    if pooled:
        norms += ["ln_post", "attn_pool.layernorm"]
        shapes |= {f"attn_pool.{name}.weight": shape for name, shape in linear.items()}
        shapes |= {f"attn_pool.attn.{name}weight": shape for name, shape in attention.items()}
        shapes |= {"attn_pool.probe": (1, 1, WIDTH), "proj": (WIDTH, EMBEDDING)}
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in shapes.items():
        fan_in = math.prod(shape[1:]) or 1
        state[name] = torch.randn(shape, generator=generator) / fan_in**0.5
        if name.endswith("weight") and name != "conv1.weight":
            bias = name.removesuffix("weight") + "bias"
            state[bias] = torch.randn(shape[:1], generator=generator)
    for name in norms:
        state[f"{name}.weight"] = torch.rand(WIDTH, generator=generator) + 0.5
        state[f"{name}.bias"] = torch.randn(WIDTH, generator=generator)
    return state


def _meta_file(tower: dict[str, Tensor]) -> dict[str, Tensor]:
    """The content of a PE-Core file: both towers, text first, in one state_dict."""
    text = {
        "positional_embedding": torch.zeros(8, 16),
        "text_projection": torch.zeros(16, EMBEDDING),
        "logit_scale": torch.zeros([]),
        "token_embedding.weight": torch.zeros(100, 16),
        "transformer.resblocks.0.attn.in_proj_weight": torch.zeros(48, 16),
        "ln_final.weight": torch.zeros(16),
    }
    return OrderedDict({**text, **{f"visual.{name}": value for name, value in tower.items()}})


def _meta_forward(state: dict[str, Tensor], image: Tensor, pooled: bool) -> Tensor:
    """What Meta's `VisionTransformer.forward` computes, after perception_models, pe.py."""

    def norm(name: str, x: Tensor) -> Tensor:
        return F.layer_norm(x, (WIDTH,), state[f"{name}.weight"], state[f"{name}.bias"], 1e-5)

    def linear(name: str, x: Tensor) -> Tensor:
        return F.linear(x, state[f"{name}weight"], state[f"{name}bias"])

    def mlp(name: str, x: Tensor) -> Tensor:
        return linear(f"{name}.c_proj.", F.gelu(linear(f"{name}.c_fc.", x)))

    x = F.conv2d(image, state["conv1.weight"], stride=PATCH).flatten(2).transpose(1, 2)
    x = torch.cat([state["class_embedding"][None, None], x], 1) + state["positional_embedding"]
    x = norm("ln_pre", x)
    for block in (f"transformer.resblocks.{index}" for index in range(2)):
        fused = linear(f"{block}.attn.in_proj_", norm(f"{block}.ln_1", x))
        query, key, value = (
            part.reshape(1, -1, HEADS, WIDTH // HEADS).transpose(1, 2)
            for part in fused.chunk(3, -1)
        )
        mixed = F.scaled_dot_product_attention(_rotate(query), _rotate(key), value)
        x = x + linear(f"{block}.attn.out_proj.", mixed.transpose(1, 2).flatten(2))
        x = x + mlp(f"{block}.mlp", norm(f"{block}.ln_2", x))
    if not pooled:
        return x
    pool = torch.nn.MultiheadAttention(WIDTH, _POOL_HEADS, batch_first=True).eval()
    pool.load_state_dict(
        {
            name.removeprefix("attn_pool.attn."): value
            for name, value in state.items()
            if name.startswith("attn_pool.attn.")
        }
    )
    x = norm("ln_post", x)
    x, _ = pool(state["attn_pool.probe"], x, x)
    x = x + mlp("attn_pool.mlp", norm("attn_pool.layernorm", x))
    embedding: Tensor = x[:, 0] @ state["proj"]
    return embedding


def _rotate(x: Tensor) -> Tensor:
    """Meta's `Rope2D`: pairs of neighbouring channels, the first half by column, then by row."""
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    count = pairs.shape[-1] // 2
    frequencies = 10000.0 ** (-torch.arange(count) / count)
    turned = pairs.clone()
    for row in range(_GRID):
        for column in range(_GRID):
            angle = torch.cat([(column + 1) * frequencies, (row + 1) * frequencies])
            token = 1 + row * _GRID + column  # The class token, 0, stays as it is.
            turned[:, :, token] = pairs[:, :, token] * torch.polar(torch.ones_like(angle), angle)
    return torch.view_as_real(turned).flatten(-2)


@pytest.mark.parametrize("pooled", [True, False])
def test_a_file_in_metas_layout_computes_what_metas_code_does(tmp_path: Path, pooled: bool) -> None:
    tower = _meta_tower(pooled)
    path = tmp_path / "PE.pt"
    torch.save(_meta_file(tower) if pooled else tower, path)
    module = tiny_core() if pooled else tiny_spatial()
    apply_state(module, vision_state(load_checkpoint(path, ()), module))
    with torch.no_grad():
        for (image,) in pictures(2):
            expected = _meta_forward(tower, image, pooled)
            assert (module(image) - expected).abs().max() < 1e-5 * (expected.max() - expected.min())


@pytest.mark.parametrize("wrapper", ["state_dict", "weights"])
def test_wrapped_and_parallel_state_dicts_are_unwrapped(wrapper: str) -> None:
    tower, module = _meta_tower(True), tiny_core()
    plain = vision_state(_meta_file(tower), module)
    parallel = {f"module.{name}": value for name, value in _meta_file(tower).items()}
    wrapped = vision_state({wrapper: parallel, "epoch": 1}, module)
    assert plain.keys() == wrapped.keys() == module.state_dict().keys()
    assert all(torch.equal(plain[name], wrapped[name]) for name in plain)


def test_names_of_neither_tower_are_refused() -> None:
    content = {**_meta_file(_meta_tower(True)), "audio.conv1.weight": torch.zeros(1)}
    with pytest.raises(ValueError, match="names of neither tower: audio.conv1.weight"):
        vision_state(content, tiny_core())


def test_a_file_of_the_text_tower_or_of_another_family_is_refused() -> None:
    tower = _meta_tower(False)
    del tower["conv1.weight"]
    for content in (tower, {"pos_embed": torch.zeros(1)}, {}):
        with pytest.raises(ValueError, match="no patch embedding"):
            vision_state(content, tiny_spatial())
    with pytest.raises(TypeError, match="found a list"):
        vision_state([], tiny_spatial())


def test_missing_and_unexpected_tensors_are_found_by_the_strict_loader() -> None:
    module = tiny_spatial()
    for change in ({"ln_pre.bias": None}, {"extra": torch.zeros(1)}):
        changed = {**_meta_tower(False), **change}
        state = {name: value for name, value in changed.items() if value is not None}
        with pytest.raises(PteError, match="missing|unexpected"):
            apply_state(module, vision_state(state, module))
