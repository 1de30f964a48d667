from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError
from pte_foundry.models.own import torchscript
from pte_foundry.testing.own_samples import (
    PICTURE,
    TEXT,
    Classifier,
    Sentence,
    saved_model,
    seeded_model,
)


def _save(path: Path, model: nn.Module) -> Path:
    torch.jit.script(model).save(str(path))  # type: ignore[no-untyped-call]
    return path


def _refusal(path: Path, inputs: dict[str, str]) -> PteError:
    with pytest.raises(PteError) as caught:
        torchscript.load(saved_model(path, inputs))
    return caught.value


@pytest.mark.parametrize("traced", [False, True])
def test_a_classifier(tmp_path: Path, traced: bool) -> None:
    model = seeded_model(Classifier)
    image = torch.randn(1, 3, 8, 8)
    script: Any = torch.jit
    saved = script.trace(model, image) if traced else script.script(model)
    saved.save(str(tmp_path / "model.pt"))
    definition = torchscript.load(saved_model(tmp_path / "model.pt", PICTURE))
    assert [contract.name for contract in definition.outputs] == ["output"]
    assert torch.equal(definition.module.eval()(image), model(image))
    assert {name for name, _ in definition.module.named_parameters()} == {
        name for name, _ in model.named_parameters()
    }


def test_a_text_model_of_dynamic_length(tmp_path: Path) -> None:
    model = seeded_model(Sentence)
    definition = torchscript.load(saved_model(_save(tmp_path / "m.pt", model), TEXT))
    assert [contract.name for contract in definition.outputs] == ["mean", "words"]
    for length in (1, 3, 8):
        tokens = torch.arange(length)[None]
        mask = tokens % 2 == 0
        found, expected = definition.module(tokens, mask), model(tokens, mask)
        assert all(torch.allclose(found[name], expected[name]) for name in expected)


class _DependsOnLength(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(20, 6)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        words: Tensor = self.words(tokens)
        return words if tokens.shape[1] > 4 else words * 2.0


def test_control_flow_that_the_conversion_fixes_is_seen(tmp_path: Path) -> None:
    error = _refusal(_save(tmp_path / "m.pt", _DependsOnLength()), TEXT)
    assert error.kind in ("bad-checkpoint", "bad-input-shape"), error
    assert "m.pt" in error.message


class _Writes(nn.Module):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.head = nn.Linear(8, 2)

    def forward(self, image: Tensor) -> Tensor:
        if image.shape[0] == 1:
            torch.save(image, self.path)
        scores: Tensor = self.head(image)
        return scores


def test_a_script_that_writes_files_is_refused_before_it_runs(tmp_path: Path) -> None:
    written = tmp_path / "written"
    error = _refusal(_save(tmp_path / "m.pt", _Writes(str(written))), PICTURE)
    assert error.kind == "bad-checkpoint" and "aten::save" in error.message
    assert not written.exists()


def test_a_file_that_is_not_a_script(tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(b"PK\x03\x04 cut off")
    assert _refusal(tmp_path / "m.pt", PICTURE).kind == "bad-checkpoint"


def test_a_shape_that_the_model_rejects(tmp_path: Path) -> None:
    path = _save(tmp_path / "m.pt", seeded_model(Classifier))
    error = _refusal(path, {"image": "float32[1,4,8,8]"})
    assert error.kind == "bad-input-shape" and "[1, 4, 8, 8]" in error.message


def test_training_mode_is_left(tmp_path: Path) -> None:
    model = seeded_model(Classifier)
    path = _save(tmp_path / "m.pt", model.train())
    definition = torchscript.load(saved_model(path, PICTURE))
    image = torch.randn(1, 3, 8, 8)
    assert torch.allclose(definition.module(image), model.eval()(image), atol=1e-6)
