"""What happens while ExecuTorch is imported: in processes of their own, where it is imported first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from pte_foundry import heavy_imports
from pte_foundry.speedups import edge_yaml, late_inductor

_COMPILER = "torch._inductor.fx_passes.post_grad"


def _python(code: str) -> tuple[Any, str]:
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1]), run.stderr


_IMPORT = f"""
import json, sys
from pte_foundry.speedups import edge_yaml, late_inductor
BEFORE
from {heavy_imports.__name__} import heavy_imports
with heavy_imports(STOCK):
    import ruamel.yaml
    used = ruamel.yaml.YAML.__module__
    import executorch.exir
    from executorch.exir.dialects.edge import _ops
print(json.dumps([_ops._edge_dialect_info, used, "{_COMPILER}" in sys.modules,
    type(executorch.exir.program._program.unsafe_remove_auto_functionalized_pass).__name__,
    ruamel.yaml.YAML.__module__]))
"""


def _imported(stock: bool, before: str = "") -> tuple[Any, str]:
    return _python(_IMPORT.replace("STOCK", str(stock)).replace("BEFORE", before))


@pytest.fixture(scope="module")
def stock() -> Any:
    return _imported(stock=True)[0]


def test_the_table_is_the_same_and_the_compiler_is_not_imported(stock: Any) -> None:
    (table, used, compiler, function, afterwards), said = _imported(stock=False)
    assert used == edge_yaml.__name__ and compiler is False and function == "function"
    assert afterwards == "ruamel.yaml.main"
    assert "left out" not in said
    expected, used, compiler, *_ = stock
    assert used == "ruamel.yaml.main" and compiler is True
    assert table == expected and len(table) > 100


def test_another_version_is_imported_as_before(stock: Any) -> None:
    before = (
        f"{edge_yaml.__name__.rpartition('.')[2]}.DIGEST = ''; "
        "late_inductor.FILES = {**late_inductor.FILES, 'export/_remove_auto_functionalized_pass.py': ''}"
    )
    (table, _, compiler, *_), said = _imported(False, before)
    assert table == stock[0] and compiler is True
    assert (
        "the speed-up edge_yaml is left out: executorch/exir/dialects/edge/edge.yaml is not" in said
    )
    assert "the speed-up late_inductor is left out: torch/export/_remove_auto_functional" in said


_PASS = f"""
import json, sys
from {heavy_imports.__name__} import heavy_imports
with heavy_imports(STOCK):
    import torch, executorch.exir
from torch.export._remove_auto_functionalized_pass import unsafe_remove_auto_functionalized_pass
@torch.library.custom_op("late::fill", mutates_args=("x",))
def fill(x: torch.Tensor) -> None:
    x.fill_(1.0)
@fill.register_fake
def _(x): return None
class Model(torch.nn.Module):
    def __init__(self, mutates):
        super().__init__()
        self.mutates = mutates
    def forward(self, x):
        y = x * 2
        if self.mutates:
            torch.ops.late.fill(y)
        return y + 1
found = []
for mutates in (False, True):
    program = torch.export.export(Model(mutates), (torch.ones(2),)).run_decompositions()
    before = str(program.graph)
    after = str(unsafe_remove_auto_functionalized_pass(program).graph)
    found.append([before, after, "{_COMPILER}" in sys.modules])
print(json.dumps(found))
"""


def _passes(stock: bool) -> Any:
    return _python(_PASS.replace("STOCK", str(stock)))[0]


def test_the_pass_does_what_it_did_and_imports_the_compiler_where_it_needs_it() -> None:
    """First for a model that does not need it, then for one that does."""
    found = _passes(stock=False)
    for mutates, (before, after, compiler) in zip((False, True), found, strict=True):
        assert ("auto_functionalized" in before) is mutates and "auto_functionalized" not in after
        assert compiler is mutates
    assert [graphs for *graphs, _ in _passes(stock=True)] == [graphs for *graphs, _ in found]


def test_other_names_of_the_compiler_are_its_own() -> None:
    code = f"""
import json
from {late_inductor.__name__} import applied
with applied():
    from {_COMPILER} import decompose_auto_functionalized
    from {_COMPILER} import post_grad_passes
import {_COMPILER} as real
print(json.dumps([post_grad_passes is real.post_grad_passes, decompose_auto_functionalized.__module__]))
"""
    assert _python(code)[0] == [True, late_inductor.__name__]
