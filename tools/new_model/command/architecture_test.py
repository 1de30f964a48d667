from __future__ import annotations

from pathlib import Path

import pytest

from new_model.command.architecture import read_architecture
from workspace.errors import ToolError

NET = "import math\nimport torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    pass\n"


def test_a_class_and_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    found = read_architecture(f"{tmp_path}/net.py:Net", "10, name='small',sizes=[1,2], scale=-1.5")
    assert (found.text, found.name, found.resolve) == (NET, "Net", None)
    assert found.arguments == "10, name='small', sizes=[1, 2], scale=-1.5"
    assert read_architecture(f"{tmp_path}/net.py:Net", "").arguments == ""


@pytest.mark.parametrize(
    ("imports", "resolve"),
    [
        ("from torchvision.models import resnet18", "torchvision"),
        ("import timm.layers", "timm"),
        ("import timm\nimport torchvision", "timm"),
        ("import numpy as np, os", None),
    ],
)
def test_what_the_file_needs(tmp_path: Path, imports: str, resolve: str | None) -> None:
    (tmp_path / "net.py").write_text(f"{imports}\ndef make():\n    pass\n")
    assert read_architecture(f"{tmp_path}/net.py:make", "").resolve == resolve


@pytest.mark.parametrize(
    ("what", "arguments", "told"),
    [
        ("net.py", "", "such as my/net.py:Net"),
        ("net.txt:Net", "", "such as my/net.py:Net"),
        ("gone.py:Net", "", "cannot be read"),
        ("bad.py:Net", "", "cannot be read"),
        ("net.py:Other", "", "no class or function Other at its top; it has Net"),
        ("local.py:Net", "", "imports layers. The file is copied alone"),
        ("relative.py:Net", "", "imports .. The file is copied alone"),
        ("net.py:Net", "os.system('x')", "written out"),
        ("net.py:Net", "x=y", "written out"),
        ("net.py:Net", "**{'a': 1}", "written out"),
        ("net.py:Net", "1)(2", "written out"),
        ("net.py:Net", "1); f(", "written out"),
        ("net.py:Net", "*[1]", "written out"),
    ],
)
def test_refusals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, arguments: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(NET)
    Path("bad.py").write_text("class Net:\n")
    Path("local.py").write_text(f"from layers import x\n{NET}")
    Path("relative.py").write_text(f"from .layers import x\n{NET}")
    with pytest.raises(ToolError, match=told.replace("(", r"\(")):
        read_architecture(what, arguments)
