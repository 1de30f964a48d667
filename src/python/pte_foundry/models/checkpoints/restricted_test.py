from __future__ import annotations

import fractions
import os
from pathlib import Path

import pytest
import torch

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.restricted import load_checkpoint


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
    with pytest.raises(PteError, match="^bad-checkpoint: "):
        load_checkpoint(file, ())


def test_safetensors_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "safetensors.torch", None)
    (tmp_path / "a.safetensors").write_bytes(b"")
    with pytest.raises(PteError, match="needs the distribution `safetensors`"):
        load_checkpoint(tmp_path / "a.safetensors", ())
