from __future__ import annotations

import sys

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


def test_the_bytes_live_as_long_as_what_runs(xnnpack: ExportResult) -> None:
    """The runtime does not keep them, and crashes without them."""
    pte = bytes(bytearray(xnnpack.pte))
    references = sys.getrefcount(pte)
    run = load_program(pte).run
    assert sys.getrefcount(pte) > references
    (before,) = run((torch.ones(1, 3, 16, 16),))
    del pte
    # What would take the place of the bytes, were they gone.
    other = [bytes(len(xnnpack.pte)) for _ in range(8)]
    (after,) = run((torch.ones(1, 3, 16, 16),))
    assert torch.equal(before, after) and len(other) == 8


def test_an_input_of_another_shape_is_refused(xnnpack: ExportResult) -> None:
    with pytest.raises(RuntimeError):
        load_program(xnnpack.pte).run((torch.ones(1, 3, 8, 8),))


def test_the_runtime_itself_says_which_delegates_it_has() -> None:
    assert unregistered_delegates(["XnnpackBackend"]) == ()
    assert unregistered_delegates(["Z", "XnnpackBackend", "A"]) == ("A", "Z")
