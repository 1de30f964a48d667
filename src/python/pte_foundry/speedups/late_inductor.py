"""torch's compiler, imported when a graph needs it (standard library only).

Lowering begins with a pass that decomposes calls of functionalized operators. The function for that is in
`torch._inductor`, which takes 0.7 s to import, and a graph without such calls needs none of it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from pte_foundry.speedups.upstream import say_left_out, text_digest

_COMPILER = "torch._inductor.fx_passes.post_grad"
_FUNCTION = "decompose_auto_functionalized"

# Of whole files: nothing of them is imported yet.
FILES = {
    "_inductor/fx_passes/post_grad.py": "a1779017efc75841",
    "export/_remove_auto_functionalized_pass.py": "b6a697063b46b977",
}

# Higher-order operators that the function looks for.
_DECOMPOSED = ("auto_functionalized", "auto_functionalized_v2", "control_deps")


class _Compiler(ModuleType):
    """Has the one function, and loads the real module for anything else."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_real(), name)


def _real() -> ModuleType:
    if isinstance(sys.modules.get(_COMPILER), _Compiler):
        del sys.modules[_COMPILER]
    return importlib.import_module(_COMPILER)


def _decompose(graph: Any) -> None:
    for node in graph.nodes:
        unused = node.op == "get_attr" and not node.users
        if unused or getattr(node.target, "__name__", "") in _DECOMPOSED:
            _real().decompose_auto_functionalized(graph)
            return
    graph.lint()


@contextmanager
def applied() -> Iterator[None]:
    """For the block that imports ExecuTorch first."""
    if _COMPILER in sys.modules or not _fits():
        yield
        return
    compiler = _Compiler(_COMPILER)
    setattr(compiler, _FUNCTION, _decompose)
    sys.modules[_COMPILER] = compiler
    try:
        yield
    finally:
        if sys.modules.get(_COMPILER) is compiler:
            del sys.modules[_COMPILER]


def _fits() -> bool:
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    folder = Path(spec.origin).parent
    for file, digest in FILES.items():
        path = folder / file
        if not path.is_file() or text_digest(path.read_text(encoding="utf-8")) != digest:
            say_left_out("late_inductor", f"torch/{file}")
            return False
    return True
