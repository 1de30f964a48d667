"""In processes of their own, where torch is imported first."""

from __future__ import annotations

import os
import subprocess
import sys

_BEGIN = """
import sys
import torch
from pte_foundry.validation.without_compiler import without_compiler
with without_compiler():
    """


def printed(block: str, then: str) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-c", f"{_BEGIN}{block}\n{then}"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_libraries_do_without_it_and_afterwards_it_is_imported_as_ever() -> None:
    # A process each would take longer than all validations of an ordinary run gain.
    then = """
print([name for name in sys.modules if name.startswith("torch._dynamo")])
one = sys.modules["torchvision.ops.roi_align"].is_compile_supported
print("called", one("cpu"), one("meta"))
import torch._dynamo.utils as real
print("called", real.is_compile_supported("cpu"), real.is_compile_supported("meta"))
print(torch._dynamo.utils.counters is sys.modules["torch._dynamo.utils"].counters)
print(torch.compiler.disable(len)([1]), torch.compiler.disable(len) is len)
print(torch.export.export(torch.nn.Linear(2, 2), (torch.ones(1, 2),)).module()(torch.ones(1, 2)).shape)
"""
    imported, ours, real, *others = printed("import pte_foundry.models.timm_model", then)
    assert imported == "[]"
    assert ours == real and ours.startswith("called")
    assert others == ["True", "1 False", "torch.Size([1, 2])"]


def test_within_the_block_it_is_imported_where_it_is_needed() -> None:
    block = (
        "one, two = torch.compiler.disable(len), torch.compiler.disable(reason='x')(len); "
        "import torch._dynamo; from torch._dynamo.utils import counters, is_compile_supported"
    )
    then = "print(one is len, two is len, type(sys.modules['torch._dynamo.utils']).__name__)"
    assert printed(block, then) == ["True True module"]
