"""What an archive of an exported program may be, seen from its loading."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from pte_foundry.models.checkpoints.exported_archive import load_exported_archive
from pte_foundry.testing.exported_samples import SAMPLES, files_of, packed, saved
from pte_foundry.testing.refused_archive import error_of

_MODEL = "models/model.json"
_WEIGHTS = "data/weights/model_weights_config.json"


@pytest.fixture(scope="module")
def archive() -> bytes:
    return saved(SAMPLES["dynamic"].program())


@pytest.mark.parametrize(
    "name",
    ["data/aotinductor/model/x.so", "data/weights/model.pt", "data/constants/opaque_obj_0", ""],
)
def test_strange_files_are_refused(archive: bytes, tmp_path: Path, name: str) -> None:
    error = error_of(tmp_path / "m.pt2", packed({**files_of(archive), name: b""}))
    assert error.kind == "forbidden-pickle" and repr(name) in error.message


class _Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("the samples were unpickled",))


def test_samples_are_not_unpickled(archive: bytes, tmp_path: Path) -> None:
    trap = {"data/sample_inputs/model.pt": pickle.dumps(_Trap()), "extra/note.txt": b"kept out"}
    (tmp_path / "m.pt2").write_bytes(packed({**files_of(archive), **trap}))
    load_exported_archive(tmp_path / "m.pt2")


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_damaged_files(archive: bytes, tmp_path: Path, keep: float) -> None:
    error = error_of(tmp_path / "m.pt2", archive[: int(len(archive) * keep)])
    assert error.kind == "bad-checkpoint"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (b"[" * 200_000 + b"]" * 200_000, "nested too deep"),
        (b'{"graph_module": 1, "graph_module": 2}', "'graph_module' twice"),
        (b'{"graph_module": NaN}', "NaN"),
        (b"9" * 10_000, "JSON that is not valid"),
        (b'"\xff"', "JSON that is not valid"),
        (b"", "JSON that is not valid"),
        (b"null", "None"),
    ],
)
def test_what_is_not_json(archive: bytes, tmp_path: Path, text: bytes, named: str) -> None:
    for file in (_MODEL, _WEIGHTS):
        error = error_of(tmp_path / "m.pt2", packed({**files_of(archive), file: text}))
        assert error.kind == "bad-checkpoint" and named in error.message and file in error.message


def test_something_before_the_archive_is_refused(archive: bytes, tmp_path: Path) -> None:
    """A file that is a library or a script too."""
    for before in (b"\x7fELF", b"#!/bin/sh\n", b"PK\x03\x04"):
        assert error_of(tmp_path / "m.pt2", before + archive).kind == "bad-checkpoint"


def test_compressed_files_are_refused(archive: bytes, tmp_path: Path) -> None:
    content = packed(files_of(archive), zipfile.ZIP_DEFLATED)
    assert "compressed" in error_of(tmp_path / "m.pt2", content).message


def test_another_archive(tmp_path: Path) -> None:
    torch.save(nn.Linear(1, 1).state_dict(), tmp_path / "state.pt")
    error = error_of(tmp_path / "m.pt2", (tmp_path / "state.pt").read_bytes())
    assert error.kind == "bad-checkpoint" and "torch.export.save" in error.message


def test_a_file_that_is_named_twice(archive: bytes, tmp_path: Path) -> None:
    content = io.BytesIO(archive)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(content, "a") as made:
        name = next(name for name in made.namelist() if name.endswith("model.json"))
        made.writestr(name, b"{}")
    assert "two files of one name" in error_of(tmp_path / "m.pt2", content.getvalue()).message
