from __future__ import annotations

import pytest
import torch

from pte_foundry.exporting.export import ExportResult
from pte_foundry.validation.runtime import load_program, unregistered_delegates


def test_a_program_has_a_signature_and_runs(xnnpack: ExportResult) -> None:
    program = load_program(xnnpack.pte)
    assert program.inputs == (((1, 3, 16, 16), "float32"),)
    assert program.outputs == (((1, 3), "float32"),)
    (logits,) = program.run((torch.ones(1, 3, 16, 16),))
    assert logits.shape == (1, 3)


def test_outputs_survive_later_runs(xnnpack: ExportResult) -> None:
    program = load_program(xnnpack.pte)
    (first,) = program.run((torch.zeros(1, 3, 16, 16),))
    kept = first.clone()
    (second,) = program.run((torch.ones(1, 3, 16, 16),))
    assert torch.equal(first, kept) and not torch.equal(first, second)


def test_an_input_of_another_shape_is_refused(xnnpack: ExportResult) -> None:
    with pytest.raises(RuntimeError):
        load_program(xnnpack.pte).run((torch.ones(1, 3, 8, 8),))


def test_the_runtime_itself_says_which_delegates_it_has() -> None:
    assert unregistered_delegates(["XnnpackBackend"]) == ()
    assert unregistered_delegates(["Z", "XnnpackBackend", "A"]) == ("A", "Z")
