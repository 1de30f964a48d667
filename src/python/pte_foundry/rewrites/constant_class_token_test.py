from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from pte_foundry.errors import PteError
from pte_foundry.rewrites import (
    constant_class_token,
    matmul_layer_norm,
    pooled_query,
    rope_attention,
)
from pte_foundry.rewrites.constant_class_token import ConstantClassToken, rewrite
from pte_foundry.testing.rewrite_checks import (
    lower_to_xnnpack,
    relative_difference,
    snapshot,
    unchanged,
)
from pte_foundry.testing.tiny_pe import pictures, tiny_core, tiny_spatial
from pte_foundry.validation.runtime import load_program


@pytest.mark.parametrize("make", [tiny_core, tiny_spatial])
def test_the_same_numbers_and_the_original_is_left_alone(make: type[nn.Module]) -> None:
    inputs = pictures(3)
    tower = rope_attention.rewrite(make(), inputs[0])
    before = snapshot(tower)
    rewritten = rewrite(tower, inputs[0])
    assert isinstance(rewritten, ConstantClassToken)
    assert relative_difference(tower, rewritten, inputs) == 0.0
    assert unchanged(tower, before)


@pytest.mark.parametrize(
    ("make", "rewrites"),
    [
        (
            tiny_core,
            (rope_attention, constant_class_token, pooled_query, matmul_layer_norm),
        ),
        (tiny_spatial, (rope_attention, constant_class_token, matmul_layer_norm)),
    ],
)
def test_all_rewrites_together_give_one_delegate_call_that_runs(
    make: type[nn.Module], rewrites: tuple[object, ...]
) -> None:
    tower, inputs = make(), pictures(3)
    module: nn.Module = tower
    for one in rewrites:
        module = one.rewrite(module, inputs[0])  # type: ignore[attr-defined]
    assert relative_difference(tower, module, inputs) < 1e-5
    pte, facts = lower_to_xnnpack(module, inputs[0])
    assert (facts.delegate_calls, facts.undelegated) == (1, {})
    program = load_program(pte)
    with torch.no_grad():
        for picture in inputs:
            (actual,), expected = program.run(picture), tower(*picture)
            assert (actual - expected).abs().max() < 1e-5 * (expected.max() - expected.min())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"num_reg_tokens": 1}, "a class token and no other prefix"),
        ({"class_token": False}, "a class token and no other prefix"),
        ({"use_abs_pos_emb": False}, "learned positions"),
        ({"no_embed_class": True}, "learned positions"),
        ({"global_pool": "avg"}, "no pooling or attention pooling"),
    ],
)
def test_other_towers_are_refused(changes: dict[str, Any], reason: str) -> None:
    inputs = pictures(1)[0]
    tower = rope_attention.rewrite(tiny_spatial(**changes), inputs)
    with pytest.raises(PteError, match=reason) as caught:
        rewrite(tower, inputs)
    assert caught.value.kind == "bad-rewrite"


def test_stock_attention_other_modules_and_a_larger_batch_are_refused() -> None:
    with pytest.raises(PteError, match="attention rewritten by rope_attention"):
        rewrite(tiny_core(), pictures(1)[0])
    with pytest.raises(PteError, match="expected timm's Eva, found Linear"):
        rewrite(nn.Linear(1, 1), pictures(1)[0])
    with pytest.raises(PteError, match="the batch is 2, not 1"):
        rewrite(tiny_core(), (torch.zeros(2, 3, 48, 48),))
