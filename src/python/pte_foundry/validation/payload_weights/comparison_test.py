from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
import torch

from pte_foundry.backends.content import Constant, PayloadContent
from pte_foundry.models.plugins import load_module
from pte_foundry.speedups.install import speedups
from pte_foundry.testing.lowered import lower
from pte_foundry.testing.small_models import build, picture
from pte_foundry.validation.payload_weights.comparison import weights_outcome
from pte_foundry.validation.payload_weights.model_constants import (
    ModelConstant,
    ModelConstants,
    model_constants,
)

INTERPRETERS = {
    "coreml": "pte_foundry.backends.coreml.program",
    "vulkan": "pte_foundry.backends.vulkan.program",
}


@cache
def content(backend: str, model: str) -> PayloadContent:
    module = load_module("interpreter", INTERPRETERS[backend], ("interpret",), __name__)
    # Only what is imported is sped up.
    load_module("lowering", f"pte_foundry.backends.{backend}.lowering", ("lower",), __name__)
    with speedups():
        found: PayloadContent = module.interpret(*lower(backend, model)).content()
    return found


def of_model(backend: str, name: str, scale: float = 1.0) -> ModelConstants:
    model = build(name)
    for parameter in model.parameters():
        parameter.mul_(scale)
    return model_constants(model, (picture(),), not content(backend, name).keeps_batch_norms)


@pytest.mark.parametrize("backend", INTERPRETERS)
@pytest.mark.parametrize("name", ["block", "attention"])
def test_a_payload_holds_the_models_weights(backend: str, name: str) -> None:
    found = content(backend, name)
    outcome = weights_outcome(found.constants, of_model(backend, name))
    assert outcome.problems == ()
    steps = outcome.measured["largest_difference_in_float_steps"]
    assert isinstance(steps, float) and 0.4 < steps <= 0.501
    model = of_model(backend, name)
    assert (found.convolutions, found.products) == (model.convolutions, model.products)


@pytest.mark.parametrize("backend", INTERPRETERS)
def test_slightly_other_weights_are_missing_and_strange(backend: str) -> None:
    stored = content(backend, "block").constants
    outcome = weights_outcome(stored, of_model(backend, "block", 1.001))
    missing, strange = outcome.problems
    assert "constants are not in the payload: " in missing
    assert "constants are not the model's: " in strange


def stored(*values: torch.Tensor) -> Sequence[Constant]:
    return [Constant(f"stored {n}", one, None, one.numel() * 2) for n, one in enumerate(values)]


TABLE = torch.randn(20, generator=torch.Generator().manual_seed(0)).half().float()
PARENT = ModelConstant("parent", TABLE)
CHILD = ModelConstant("child", TABLE * 2, made_of=frozenset({"parent"}))


def test_a_constant_may_be_stored_as_what_it_was_made_of() -> None:
    model = ModelConstants((CHILD,), (PARENT,), 0, 0)
    for values in (TABLE, TABLE * 2):
        assert weights_outcome(stored(values), model).problems == ()
    assert len(weights_outcome(stored(TABLE * 4), model).problems) == 2
    assert len(weights_outcome(stored(), model).problems) == 1


def test_what_decompositions_make_is_asked_for_if_something_is_strange() -> None:
    model, asked = ModelConstants((PARENT,), (), 0, 0), []

    def decomposed() -> list[ModelConstant]:
        asked.append(True)
        return [ModelConstant("decomposed", TABLE * 3)]

    assert weights_outcome(stored(TABLE), model, decomposed).problems == () and asked == []
    assert weights_outcome(stored(TABLE, TABLE * 3), model, decomposed).problems == ()
    # Explained by neither; and nothing of a decomposition has to be stored.
    (problem,) = weights_outcome(stored(TABLE, TABLE * 4), model, decomposed).problems
    assert problem.startswith("1 of the payload's 2 constants are not the model's: stored 1.")


def test_one_number_everywhere_needs_no_counterpart_and_hides_nothing() -> None:
    model = ModelConstants((PARENT,), (), 0, 0)
    outcome = weights_outcome(stored(TABLE, torch.zeros(20)), model)
    assert outcome.problems == () and outcome.measured["filled_with_one_number"] == 1
    (problem,) = weights_outcome(stored(torch.zeros(20)), model).problems
    assert problem.startswith("1 of the model's 1 constants are not in the payload: parent.")


def test_few_elements_are_not_compared() -> None:
    small = replace(PARENT, name="small", values=TABLE[:15])
    model = ModelConstants((PARENT, small), (), 0, 0)
    outcome = weights_outcome(stored(TABLE, TABLE[:15] + 1), model)
    assert outcome.problems == ()
    # 20 of 35 elements.
    assert outcome.measured["share_of_stored_bytes"] == round(20 / 35, 6)


def test_a_comparison_of_nothing_is_a_problem() -> None:
    (problem,) = weights_outcome((), ModelConstants((), (), 0, 0)).problems
    assert "nothing was compared" in problem
