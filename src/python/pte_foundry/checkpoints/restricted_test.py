from __future__ import annotations

import fractions
import os
from pathlib import Path

import pytest
import torch
from torch import nn

from pte_foundry.checkpoints.restricted import apply_state, load_checkpoint
from pte_foundry.errors import PteError


class _RunsACommand:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.marker}",)


def test_loads_a_state_dict(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(2)}, tmp_path / "a.pth")
    content = load_checkpoint(tmp_path / "a.pth", ())
    assert isinstance(content, dict) and torch.equal(content["weight"], torch.ones(2))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path: Path, zipped: bool) -> None:
    marker, file = tmp_path / "ran", tmp_path / "evil.pt"
    torch.save(_RunsACommand(marker), file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(PteError) as caught:
        load_checkpoint(file, ())
    assert caught.value.kind == "forbidden-pickle"
    assert "posix.system" in caught.value.message and "evil.pt" in caught.value.message
    assert "checkpoint_globals" in caught.value.message
    assert not marker.exists()


def test_an_allowed_global_loads_and_is_forgotten_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "fraction.pt"
    torch.save(fractions.Fraction(1, 2), file)
    assert load_checkpoint(file, (fractions.Fraction,)) == fractions.Fraction(1, 2)
    with pytest.raises(PteError) as caught:
        load_checkpoint(file, ())
    assert caught.value.kind == "forbidden-pickle"
    assert "fractions.Fraction" in caught.value.message


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.99])
@pytest.mark.parametrize("zipped", [True, False])
def test_truncated_files(tmp_path: Path, kept: float, zipped: bool) -> None:
    file = tmp_path / "cut.pth"
    torch.save({"weight": torch.ones(1000)}, file, _use_new_zipfile_serialization=zipped)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    with pytest.raises(PteError) as caught:
        load_checkpoint(file, ())
    assert caught.value.kind == "bad-checkpoint"
    assert "cut.pth" in caught.value.message and "\n" not in caught.value.message


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(PteError, match="no such file") as caught:
        load_checkpoint(tmp_path / "absent.pth", ())
    assert str(tmp_path) not in caught.value.message


def test_safetensors(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    file = tmp_path / "a.safetensors"
    safetensors.save_file({"weight": torch.ones(2)}, file)
    content = load_checkpoint(file, ())
    assert isinstance(content, dict) and torch.equal(content["weight"], torch.ones(2))
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(PteError) as caught:
        load_checkpoint(file, ())
    assert caught.value.kind == "bad-checkpoint"


def test_safetensors_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "safetensors.torch", None)
    (tmp_path / "a.safetensors").write_bytes(b"")
    with pytest.raises(PteError, match="needs the distribution `safetensors`"):
        load_checkpoint(tmp_path / "a.safetensors", ())


def test_apply_state_sets_every_value() -> None:
    state = {"weight": torch.full((2, 3), 5.0), "bias": torch.full((2,), 7.0)}
    layer = nn.Linear(3, 2)
    apply_state(layer, state)
    assert all(torch.equal(layer.state_dict()[key], value) for key, value in state.items())


def test_apply_state_reports_every_kind_of_misfit_and_changes_nothing() -> None:
    layer = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    state = dict(before)
    del state["1.bias"]
    state["extra"] = torch.ones(1)
    state["0.weight"] = torch.ones(3, 2)
    state["0.bias"] = torch.tensor([1.0, float("nan")])
    with pytest.raises(PteError) as caught:
        apply_state(layer, state, "some.pth")
    assert caught.value.kind == "bad-checkpoint"
    for part in (
        "some.pth",
        "1 missing: 1.bias",
        "1 unexpected: extra",
        "0.weight [3, 2] instead of [2, 3]",
        "NaN or infinity: 0.bias",
    ):
        assert part in caught.value.message
    assert all(torch.equal(layer.state_dict()[key], value) for key, value in before.items())


def test_apply_state_shortens_long_lists() -> None:
    with pytest.raises(PteError, match=r"8 unexpected: k0, k1, k2, k3, k4, \.\.\."):
        apply_state(nn.Identity(), {f"k{i}": torch.ones(1) for i in range(8)})
