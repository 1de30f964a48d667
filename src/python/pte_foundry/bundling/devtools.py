"""Imports of `executorch.devtools` in a toolchain."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

_PACKAGE = "executorch.devtools"


def skip_package_init() -> None:
    """Let modules of `executorch.devtools` be imported without running its `__init__`, unless it was imported.

    That imports the Inspector and with it pandas, which toolchains lack and a bundled program does not need.
    """
    if _PACKAGE in sys.modules:
        return
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError(
            f"this toolchain has no {_PACKAGE}: its executorch writes no bundled programs"
        )
    package = ModuleType(_PACKAGE)
    package.__path__ = list(spec.submodule_search_locations)
    package.__spec__ = spec
    sys.modules[_PACKAGE] = package
