"""Import modules that read programs without executing the packages that make them (standard library only).

`executorch.exir` imports the whole exporter, TorchDynamo and Inductor included, which takes three times as long as
torch itself; `coremltools` imports all of its converters. Their modules that read a file need none of that. So the
package is put in place without being executed. It is executed later, as by an import, before another of its modules is
imported, and when one of its own names is used, for example by a quantizer.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from types import ModuleType

READERS = {
    "coremltools": ("proto",),
    "executorch.backends.vulkan": (
        "serialization",
        "serialization.vulkan_graph_schema",
        "serialization.vulkan_graph_serialize",
    ),
    "executorch.backends.xnnpack": ("serialization",),
    "executorch.exir": (
        "_serialize",
        "_warnings",
        "backend",
        "backend.compile_spec_schema",
        "error",
        "scalar_type",
        "schema",
        "sym_util",
        "tensor",
        "tensor_layout",
        "version",
    ),
}
"""Package -> its modules that need only each other; `_serialize` and `proto` stand for everything below them."""

_WHOLE = ("_serialize", "proto")


def defer_packages() -> None:
    """Call this before the packages are imported; one that is already imported, or not installed, is left alone."""
    sys.meta_path.insert(0, _ExecuteFirst())
    for name in READERS:
        if name in sys.modules:
            continue
        with suppress(ModuleNotFoundError):
            if (spec := importlib.util.find_spec(name)) is not None:
                package = importlib.util.module_from_spec(spec)
                package.__class__ = _Deferred
                sys.modules[name] = package
                parent, _, own = name.rpartition(".")
                if parent:
                    setattr(sys.modules[parent], own, package)


class _Deferred(ModuleType):
    """A package whose modules can be imported; its own names exist once it has been executed."""

    def __getattr__(self, name: str) -> object:
        # Python itself looks for these, whether they exist or not.
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        execute(self)
        return getattr(self, name)


def execute(package: ModuleType) -> None:
    """Execute a package as its import would; one that was already executed is left alone."""
    spec = package.__spec__
    if isinstance(package, _Deferred) and spec is not None and spec.loader is not None:
        package.__class__ = ModuleType  # type: ignore[assignment]
        spec.loader.exec_module(package)


class _ExecuteFirst(MetaPathFinder):
    """Finds nothing, but executes a package before a module that needs it is imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        for package, reading in READERS.items():
            module = name.removeprefix(f"{package}.")
            if module == name or package not in sys.modules:
                continue
            if module not in reading and module.split(".")[0] not in _WHOLE:
                execute(sys.modules[package])
