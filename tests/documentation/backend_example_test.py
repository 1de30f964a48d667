"""The module in docs/adding-a-backend.md works as it stands."""

from __future__ import annotations

import textwrap
from pathlib import Path
from types import ModuleType

import pytest
import torch

from documentation.markdown_text import blocks
from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program

PAGE = Path("docs/adding-a-backend.md")


@pytest.fixture(scope="module")
def example() -> ModuleType:
    (source,) = (
        block for block in blocks(PAGE.read_text(encoding="utf-8")) if "def lower(" in block
    )
    module = ModuleType("mine")
    exec(compile(textwrap.dedent(source), str(PAGE), "exec"), module.__dict__)
    return module


def test_it_lowers(example: ModuleType) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    for per_op, several in (("no", False), ("yes", True)):
        program = torch.export.export(model.eval(), (torch.ones(1, 4),))
        options = {"per_op": per_op}
        example.check_options(options)
        lowered = example.lower(LoweringRequest(program, "fp32", options))
        calls = inspect_program(lowered.program.buffer).delegate_calls
        assert calls >= 1
        assert (calls > 1) is several


def test_it_refuses_a_wrong_option(example: ModuleType) -> None:
    with pytest.raises(PteError, match="per_op"):
        example.check_options({"per_op": "maybe"})
