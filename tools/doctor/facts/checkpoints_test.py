from __future__ import annotations

from pathlib import Path

import pytest

from doctor.facts.checkpoints import DeclaredCheckpoint, declared_checkpoints
from workspace.errors import ToolError


def build_file(root: Path, folder: str, text: str) -> None:
    (root / "models" / folder).mkdir(parents=True)
    (root / "models" / folder / "BUILD").write_text(text)


def test_they_are_read_from_build_files(tmp_path: Path) -> None:
    build_file(
        tmp_path,
        "b",
        'X = 1\npte_model(name="m", urls=X)\n'
        'model_weights(name="w", file="w.pt", sha256="0", size=X, urls=["u", "v"])\n',
    )
    build_file(tmp_path, "a/deep", 'model_weights(file="x.pt")\n')
    assert declared_checkpoints(tmp_path) == [
        DeclaredCheckpoint("models/a/deep:deep", "x.pt", (), False),
        DeclaredCheckpoint("models/b:w", "w.pt", ("u", "v"), True),
    ]


@pytest.mark.parametrize("text", ["model_weights(", "model_weights(name=NAME)"])
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    build_file(tmp_path, "a", text)
    with pytest.raises(ToolError, match="models/a/BUILD: cannot be read"):
        declared_checkpoints(tmp_path)
