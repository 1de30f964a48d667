"""Run the Python of docs/consuming.md, in its order, against a small tree with a real program."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from executorch.exir import to_edge  # type: ignore[import-untyped]
from executorch.runtime import Runtime  # type: ignore[import-untyped]

from pte_foundry.records.contract import Contract
from pte_foundry.testing.published_tree import (
    FAMILY,
    MODEL,
    VERSION,
    program_bytes,
    sample_index,
    write_tree,
)

_DOCUMENT = Path("docs/consuming.md")
_ADDRESS = "https://example.org/models"
_NAME = f"{MODEL}_xnnpack.pte"

CONTRACT = Contract(
    MODEL,
    "xnnpack",
    "fp32",
    None,
    (
        {
            "name": "picture",
            "shape": [1, 3, 224, 224],
            "dtype": "float32",
            "normalisation": {"mean": [0.5, 0.25, 0.125]},
        },
    ),
    ({"name": "scores", "description": "of two classes"},),
)


class Brightness(torch.nn.Module):
    """The second class for a bright picture, the first one for a dark one."""

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        mean = picture.mean(dim=(1, 2, 3))
        return torch.stack([torch.ones_like(mean) * 0.5, mean], dim=1)


def python_blocks() -> list[str]:
    blocks = re.findall(r"^```python\n(.*?)^```$", _DOCUMENT.read_text("utf-8"), re.DOTALL | re.M)
    assert len(blocks) == 5, "did the document lose a block, or its marks?"
    return blocks


@pytest.fixture()
def models(tmp_path: Path) -> Path:
    """A tree in the folder `models` whose XNNPACK program is a real one."""
    example = (torch.zeros(1, 3, 224, 224),)
    edge = to_edge(
        torch.export.export(Brightness(), example),
        constant_methods={name: list(texts) for name, texts in CONTRACT.methods().items()},
    )
    program = edge.to_executorch().buffer
    index: dict[str, Any] = sample_index()
    for entry in index["models"]:
        if entry["name"] == _NAME:
            entry.update(hash=hashlib.sha256(program).hexdigest(), size=len(program))
    tree = write_tree(tmp_path / "models", index)
    (tree / VERSION / FAMILY / _NAME).write_bytes(program)
    return tree


def test_the_python_of_the_page_runs(
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    blocks = python_blocks()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert _ADDRESS in blocks[0]
    names: dict[str, Any] = {}
    for block in blocks:
        # The sample's version stands for the present one.
        local = re.sub(
            r'version="[0-9.]+"', f'version="{VERSION}"', block.replace(_ADDRESS, "models")
        )
        exec(compile(local, str(_DOCUMENT), "exec"), names)
    chosen, int8, best_class, stated = capsys.readouterr().out.splitlines()
    assert chosen.startswith("xnnpack fp32 BSD-3-Clause ")
    assert int8 == f"{MODEL}_int8 int8"
    assert best_class == "tench"
    assert stated == f"{MODEL} fp32 picture [0.5, 0.25, 0.125]"
    assert names["content"] == program_bytes(f"{MODEL}_coreml.pte")
    (bright,) = (
        Runtime.get()
        .load_program(names["program"])
        .load_method("forward")
        .execute([torch.ones(1, 3, 224, 224)])
    )
    assert names["names"][int(bright.argmax())] == "goldfish"
