from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from pte_foundry.errors import PteError
from pte_foundry.models.own import exported_program
from pte_foundry.testing.exported_samples import changed, saved
from pte_foundry.testing.own_samples import (
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
    with pytest.raises(PteError, match="^bad-checkpoint: .*training mode"):
        exported_program.load(saved_model(tmp_path / "m.pt2", PICTURE))


@torch.library.custom_op("own_pt2::halved", mutates_args=())
def _halved(values: Tensor) -> Tensor:
    return values / 2


@_halved.register_fake
def _(values: Tensor) -> Tensor:
    return torch.empty_like(values)


class _Halving(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        halved: Tensor = torch.ops.own_pt2.halved(image)
        return halved + 1


def test_operators_of_imports_and_no_others(tmp_path: Path) -> None:
    program = torch.export.export(_Halving().eval(), (torch.randn(1, 3, 8, 8),))
    torch.export.save(program, tmp_path / "m.pt2")
    saved = saved_model(tmp_path / "m.pt2", PICTURE)
    with pytest.raises(PteError, match="^forbidden-pickle: .*own_pt2::halved.*imports"):
        exported_program.load(saved)
    definition = exported_program.load(replace(saved, operators=frozenset({"own_pt2::halved"})))
    image = torch.randn(1, 3, 8, 8)
    assert torch.equal(definition.module(image), image / 2 + 1)


def test_an_operator_that_nothing_registers(tmp_path: Path) -> None:
    program = torch.export.export(_Halving().eval(), (torch.randn(1, 3, 8, 8),))
    content = changed(saved(program), "models/model.json", _rename_operator)
    (tmp_path / "m.pt2").write_bytes(content)
    given = saved_model(tmp_path / "m.pt2", PICTURE)
    with pytest.raises(PteError, match="own_pt2::gone.*imports"):
        exported_program.load(replace(given, operators=frozenset({"own_pt2::gone"})))


def _rename_operator(data: Any) -> None:
    data["graph_module"]["graph"]["nodes"][0]["target"] = "torch.ops.own_pt2.gone.default"
