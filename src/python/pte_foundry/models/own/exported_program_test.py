from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.export import Dim

from pte_foundry.errors import PteError
from pte_foundry.models.own import exported_program
from pte_foundry.models.own.own_samples import (
    PICTURE,
    TEXT,
    Classifier,
    Sentence,
    saved_model,
    seeded_model,
)


def test_a_text_model_of_dynamic_length(tmp_path: Path) -> None:
    model = seeded_model(Sentence)
    length = Dim("length", min=1, max=8)
    sample = (torch.arange(8)[None], torch.ones(1, 8, dtype=torch.bool))
    program = torch.export.export(model, sample, dynamic_shapes=({1: length}, {1: length}))
    torch.export.save(program, tmp_path / "m.pt2")
    definition = exported_program.load(saved_model(tmp_path / "m.pt2", TEXT, ["a", "b"]))
    assert [contract.name for contract in definition.outputs] == ["a", "b"]
    for size in (1, 3, 8):
        inputs = torch.arange(size)[None], torch.ones(1, size, dtype=torch.bool)
        found, expected = definition.module.eval()(*inputs), model(*inputs)
        assert torch.equal(found["words"], expected["words"])


def test_training_mode_is_refused(tmp_path: Path) -> None:
    program = torch.export.export(seeded_model(Classifier).train(), (torch.randn(1, 3, 8, 8),))
    torch.export.save(program, tmp_path / "m.pt2")
    with pytest.raises(PteError, match="training mode") as caught:
        exported_program.load(saved_model(tmp_path / "m.pt2", PICTURE))
    assert caught.value.kind == "bad-checkpoint"
