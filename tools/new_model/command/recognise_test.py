from __future__ import annotations

import io
import json
import pickle
import shutil
import struct
import zipfile
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import nn

from new_model.command.recognise import Form, recognise
from pte_foundry.testing.hostile.odd_checkpoints import odd_checkpoints
from workspace.errors import ToolError


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 2)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.head(values)
        return scores


def test_torchscript(tmp_path: Path) -> None:
    torch.jit.script(Net()).save(str(tmp_path / "m.bin"))  # type: ignore[no-untyped-call]
    found = recognise(tmp_path / "m.bin")
    assert (found.form, found.classes) == (Form.TORCHSCRIPT, ())
    assert found.data_bytes == 4 * 10


def test_exported_program(tmp_path: Path) -> None:
    torch.export.save(torch.export.export(Net(), (torch.ones(1, 4),)), tmp_path / "m.pt2")
    assert recognise(tmp_path / "m.pt2").form is Form.EXPORTED


@pytest.mark.parametrize(
    "content", [Net().state_dict(), {"state_dict": Net().state_dict(), "epoch": 3}]
)
def test_state_dict(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "m.pt")
    assert recognise(tmp_path / "m.pt").form is Form.STATE_DICT


def test_state_dict_of_half_precision(tmp_path: Path) -> None:
    torch.save(Net().half().state_dict(), tmp_path / "m.pt")
    found = recognise(tmp_path / "m.pt")
    assert (found.form, found.data_bytes) == (Form.STATE_DICT, 2 * 10)


@pytest.mark.parametrize("content", [{}, [1, 2, 3], {"epoch": 3}, {1: torch.ones(1)}])
def test_no_tensors_are_no_state_dict(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "m.pt")
    with pytest.raises(ToolError, match="without any tensor"):
        recognise(tmp_path / "m.pt")


def test_files_before_torch_1_6(tmp_path: Path) -> None:
    path = tmp_path / "m.pth"
    torch.save(Net().state_dict(), path, _use_new_zipfile_serialization=False)
    found = recognise(path)
    assert (found.form, found.data_bytes) == (Form.STATE_DICT, 4 * 10)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(
        ToolError, match=f"cut off after {len(content) - 1} of {len(content)} bytes"
    ):
        recognise(path)
    torch.save(Net(), path, _use_new_zipfile_serialization=False)
    assert recognise(path).form is Form.PICKLED


class Settings:
    pass


def test_classes_beside_a_state_dict(tmp_path: Path) -> None:
    content = {"state_dict": Net().state_dict(), "settings": Settings()}
    torch.save(content, tmp_path / "m.pt")
    found = recognise(tmp_path / "m.pt")
    assert found.form is Form.STATE_DICT and found.taken is not None
    assert (found.classes, found.taken.key) == ((f"{Settings.__module__}.Settings",), "state_dict")
    assert list(found.taken.tensors) == ["head.weight", "head.bias"]


def test_a_pickled_module_as_its_values(tmp_path: Path) -> None:
    torch.save(Net(), tmp_path / "m.pt")
    found = recognise(tmp_path / "m.pt", values_only=True)
    assert found.form is Form.STATE_DICT and found.taken is not None and found.taken.pickled
    assert list(found.taken.tensors) == ["head.weight", "head.bias"]
    torch.jit.script(Net()).save(str(tmp_path / "s.pt"))  # type: ignore[no-untyped-call]
    with pytest.raises(ToolError, match="another form: TorchScript"):
        recognise(tmp_path / "s.pt", values_only=True)


def test_another_object(tmp_path: Path) -> None:
    torch.save(Settings(), tmp_path / "m.pt")
    with pytest.raises(ToolError, match="holds a Settings, which is neither"):
        recognise(tmp_path / "m.pt")


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickled_module_and_its_classes(tmp_path: Path, protocol: int) -> None:
    torch.save(Net(), tmp_path / "m.pt", pickle_protocol=protocol)
    found = recognise(tmp_path / "m.pt")
    assert found.form is Form.PICKLED
    assert found.classes == (f"{Net.__module__}.Net", "torch.nn.modules.linear.Linear")


def test_what_a_pickle_would_call_is_told_and_not_called(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (shutil.rmtree, (str(tmp_path),))

    with zipfile.ZipFile(tmp_path / "m.pt", "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps({"x": Trap()}))
    with pytest.raises(ToolError, match="x: a shutil.rmtree, which is not read"):
        recognise(tmp_path / "m.pt")
    assert (tmp_path / "m.pt").exists()


def _ended(path: Path, values_only: bool) -> tuple[str, str]:
    try:
        return recognise(path, values_only=values_only).form.name, ""
    except ToolError as error:
        return "refused", str(error)


def test_no_hostile_file_gets_further_than_a_message(tmp_path: Path) -> None:
    ended: Counter[str] = Counter()
    for name, content in odd_checkpoints(tmp_path / "canary").items():
        path = tmp_path / ("m.safetensors" if name.startswith("safetensors") else "m.pt")
        path.write_bytes(content)
        for values_only in (False, True):
            how, message = _ended(path, values_only)
            ended[how] += 1
            assert len(message) < 1500 and message.replace("\n", "").isprintable(), name
    assert not (tmp_path / "canary").exists()
    assert ended["refused"] > 400 and ended["STATE_DICT"] > 50, ended


def test_safetensors(tmp_path: Path) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    (tmp_path / "m").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    found = recognise(tmp_path / "m")
    assert (found.form, found.data_bytes) == (Form.SAFETENSORS, 8)


def _zip(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return content.getvalue()


def _packed(name: str, size: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(size))
    return content.getvalue()


def _encrypted(name: str) -> bytes:
    content = bytearray(_zip(name))
    content[content.index(b"PK\x01\x02") + 8] |= 1  # The flag in the archive's directory.
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"GGUF and more", "a GGUF file"),
        (bytes(100), "neither TorchScript"),
        (b"x", "neither TorchScript"),
        (_zip("a/b.txt"), "none of torch's"),
        (_zip("a/data.pkl"), "damaged"),
        (_zip("a/b.txt", "c/data.pkl"), "cannot be read"),
        (_zip("a/data.pkl")[:20], "cut off"),
        (_zip("a/data.pkl", "a/data.pkl"), "names a file twice"),
        (_packed("a/data.pkl", 65 << 20), "unpacks to"),
        (_encrypted("a/data.pkl"), "encrypted"),
        (b"\x80\x02\x8a\nl\xfc\x9cF", "a bare pickle"),
        (pickle.dumps({"weight": [1.0]}, 5), "a bare pickle"),
        (struct.pack("<Q", 9) + b"{nothing}", "safetensors header"),
        (struct.pack("<Q", 70_000) + b'{"a":' * 14_000, "safetensors header"),
        (struct.pack("<Q", 1 << 40) + b"{}", "safetensors header"),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "m.pt").write_bytes(content)
    with pytest.raises(ToolError, match=told):
        recognise(tmp_path / "m.pt")


def test_a_file_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="cannot be read"):
        recognise(tmp_path / "m.pt")
