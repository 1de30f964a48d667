"""Each row of "What you have, what to type" in docs/adding-a-model.md, as far as `new` goes."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from typer.testing import CliRunner

from new_model.command.main import app
from pte_foundry.testing.trained_yolo import save_trained, trained_model

GUIDE = Path("docs/adding-a-model.md")
HEAD = "\n| you have | type |\n|---|---|\n"
NET = """\
from torch import Tensor, nn


class Net(nn.Sequential):
    def __init__(self, classes: int) -> None:
        super().__init__(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 30 * 30, classes))
"""


class Net(nn.Sequential):
    """As in the file of the guide."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 30 * 30, 10))


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        shares: Tensor = self.words(tokens).mean(1)
        return shares


def rows() -> list[tuple[str, list[str]]]:
    """What somebody has, and the arguments of `foundry new`."""
    _, _, rest = GUIDE.read_text(encoding="utf-8").partition(HEAD)
    found = re.findall(
        r"^\| (.+?) \| `\./foundry new (.+?)` \|$", rest.partition("\n\n")[0], re.MULTILINE
    )
    return [(have, shlex.split(arguments)) for have, arguments in found]


ROWS = rows()


@pytest.fixture()
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the files of the table beside its launcher."""
    for name, text in {
        "pants": "",
        "pants.toml": "",
        "toolchains/BUILD": 'pte_backend(name="portable", dynamic_dimensions=True)\n'
        'pte_backend(name="xnnpack", dynamic_dimensions=True, precisions=["fp32", "int8"])\n'
        'pte_backend(name="coreml", precisions=["fp16", "int8"])\n',
        "models/first/BUILD": "",
        "net.py": NET,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    git = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "First"]):
        subprocess.run([*git, *arguments], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    net = Net().eval()
    torch.jit.script(net).save("net.pt")  # type: ignore[no-untyped-call]
    torch.export.save(torch.export.export(net, (torch.ones(1, 3, 32, 32),)), "net.pt2")
    torch.save(net.state_dict(), "net.pth")
    save_file(net.state_dict(), "net.safetensors")
    torch.save(net, "whole.pt")
    state = {f"model.{name}": value for name, value in net.state_dict().items()}
    averaged = {name: value / 2 for name, value in state.items()}
    training = {"state_dict": {**state, "loss.weight": torch.ones(3)}, "state_dict_ema": averaged}
    torch.save({**training, "args": argparse.Namespace(lr=0.1)}, "last.ckpt")
    torch.jit.script(Words()).save("words.pt")  # type: ignore[no-untyped-call]
    Path("inputs").mkdir()
    for number in range(8):
        np.save(f"inputs/{number}.npy", np.random.rand(1, 3, 32, 32).astype(np.float32))
    save_trained(tmp_path / "best.pt", trained_model())
    return tmp_path


def test_the_table_is_found() -> None:
    assert len(ROWS) == 18


@pytest.mark.parametrize(("have", "arguments"), ROWS, ids=[have for have, _ in ROWS])
def test_a_row(folder: Path, have: str, arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, (have, result.output)
    (made,) = (path for path in (folder / "models").iterdir() if path.name != "first")
    assert {path.name for path in made.iterdir()} >= {"BUILD", "README.md"}
    architecture = "--from-python" in arguments
    assert (made / "architecture.py").is_file() == architecture
    assert (made / "samples").is_dir() == ("--calibration" in arguments)
    complete = architecture or "--from-timm" in arguments or "best.pt" in arguments
    assert ("fill in" in result.output) == ((made / "builder.py").is_file() and not complete)
