"""Build a model without importing TorchDynamo, which takes a second and which a validation does not use.

torchvision imports one function of it, which its operators call under `torch.compile`; timm marks functions that are
not to be compiled. Nothing is compiled here.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeVar

import torch

from pte_foundry.speedups.upstream import replaced

_UTILS = "torch._dynamo.utils"
_F = TypeVar("_F", bound=Callable[..., object])


class _Utils(ModuleType):
    """Has torchvision's one function, and imports the real module when that is called, and for any other name."""

    def is_compile_supported(self, device_type: str) -> bool:
        return bool(_real().is_compile_supported(device_type))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_real(), name)


def _real() -> ModuleType:
    if isinstance(sys.modules.get(_UTILS), _Utils):
        del sys.modules[_UTILS]
    return importlib.import_module(_UTILS)


@contextmanager
def without_compiler() -> Iterator[None]:
    """For the block that imports the libraries of models first; afterwards TorchDynamo is imported as ever."""
    if _UTILS in sys.modules:
        yield
        return
    sys.modules[_UTILS] = _Utils(_UTILS)
    try:
        with replaced(torch.compiler, "disable", _leave):
            yield
    finally:
        if isinstance(sys.modules.get(_UTILS), _Utils):
            del sys.modules[_UTILS]


def _leave(function: _F | None = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    return function if function is not None else lambda other: other
