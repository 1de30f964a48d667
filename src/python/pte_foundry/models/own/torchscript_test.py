from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError
from pte_foundry.exporting.parameters import count_parameters
from pte_foundry.models.own import torchscript
from pte_foundry.testing.own_samples import (
    PICTURE,
    TEXT,
    Classifier,
    Sentence,
    saved_model,
    seeded_model,
)
from pte_foundry.testing.own_workspace import save_script


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


class _Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 16, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(32, 16, batch_first=True)
        self.head = nn.Linear(16, 4)

    def forward(self, image: Tensor) -> Tensor:
        found, _ = self.lstm(image)
        found, _ = self.gru(found)
        scores: Tensor = self.head(found)
        return scores


@pytest.mark.parametrize("traced", [False, True])
def test_weights_of_recurrent_layers_are_parameters(tmp_path: Path, traced: bool) -> None:
    model, x = seeded_model(_Recurrent), torch.randn(1, 5, 8)
    save_script(tmp_path, model, (x,) if traced else ())
    saved = saved_model(tmp_path / "model.pt", {"image": "float32[1,5,8]"})
    module = torchscript.load(saved).module
    assert count_parameters(module) == count_parameters(model)
    assert torch.allclose(module(x), model(x), atol=1e-6)


class _Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor, mask: Tensor | None = None, scale: float = 1.0) -> Tensor:
        if mask is not None:
            x = x * mask
        scores: Tensor = self.head(x) * scale
        return scores


@pytest.mark.parametrize("masked", [False, True])
def test_optional_arguments_are_what_is_declared(tmp_path: Path, masked: bool) -> None:
    model, x, mask = seeded_model(_Masked), torch.randn(1, 8), torch.rand(1, 8)
    save_script(tmp_path, model)
    inputs = {"x": "float32[1,8]", **({"mask": "float32[1,8]"} if masked else {})}
    module = torchscript.load(saved_model(tmp_path / "model.pt", inputs)).module
    given = (x, mask) if masked else (x,)
    assert torch.allclose(module(*given), model(*given), atol=1e-6)
    assert count_parameters(module) == count_parameters(model)


class _Batch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 2)

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"scores": self.head(batch["x"] - 2 * batch["mask"])}


def test_a_dict_has_the_declared_names(tmp_path: Path) -> None:
    model, x, mask = seeded_model(_Batch), torch.randn(1, 8), torch.rand(1, 8)
    save_script(tmp_path, model)
    inputs = {"mask": "float32[1,8]", "x": "float32[1,8]"}
    definition = torchscript.load(saved_model(tmp_path / "model.pt", inputs))
    assert [one.name for one in definition.outputs] == ["scores"]
    found, expected = definition.module(mask, x), model({"x": x, "mask": mask})
    assert torch.allclose(found["scores"], expected["scores"], atol=1e-6)


class _InPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)

    def forward(self, image: Tensor) -> Tensor:
        image.sub_(0.45).div_(0.225)
        found: Tensor = self.convolution(torch.relu_(image))
        return found


@pytest.mark.parametrize("traced", [False, True])
def test_a_model_that_writes_to_its_input(tmp_path: Path, traced: bool) -> None:
    model, image = seeded_model(_InPlace), torch.randn(1, 3, 8, 8)
    save_script(tmp_path, model, (image.clone(),) if traced else ())
    saved = saved_model(tmp_path / "model.pt", PICTURE)
    before = saved.samples[0][0].clone()
    module = torchscript.load(saved).module
    assert torch.equal(saved.samples[0][0], before)
    assert torch.allclose(module(image.clone()), model(image.clone()), atol=1e-6)


class _Random(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image + torch.randn(8)


def test_random_numbers_are_named(tmp_path: Path) -> None:
    error = _refusal(_save(tmp_path / "m.pt", _Random()), PICTURE)
    assert (
        error.kind == "bad-checkpoint" and "draws random numbers with aten.randn" in error.message
    )
    assert "as an input" in error.message


def test_a_script_of_another_device_runs_on_the_cpu(tmp_path: Path) -> None:
    class OnDevice(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image + torch.arange(8, device=torch.device("cpu"), dtype=torch.float32)

    path = _save(tmp_path / "m.pt", OnDevice())
    _replace_in_code(path, b'"cpu"', b'"cuda:0"')
    image = torch.randn(1, 3, 8, 8)
    module = torchscript.load(saved_model(path, PICTURE)).module
    assert torch.equal(module(image), image + torch.arange(8.0))


def _replace_in_code(path: Path, old: bytes, new: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, one in content.items():
            is_code = name.endswith(".py")
            assert not is_code or old in one
            archive.writestr(name, one.replace(old, new) if is_code else one)
