"""Read programs without loading what makes them (standard library only).

`executorch.exir` imports all of the exporter, TorchDynamo and Inductor included, which takes three times as long as
torch itself; `coremltools` imports all of its converters. Their modules that read a file need none of that. So such a
package is put in place without being executed. It is executed after all, as it would have been in the first place,
before any other of its modules is imported, and when one of its own names is asked for, which a quantizer does.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from types import ModuleType

READING = {
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
"""Package -> its modules that need nothing of it but each other; of `_serialize` and `proto` all that are in there."""

_WHOLE = ("_serialize", "proto")


def only_read() -> None:
    """To be called before the packages are imported; one that is there already, or is not installed, is left alone."""
    sys.meta_path.insert(0, _ExecuteFirst())
    for name in READING:
        if name in sys.modules:
            continue
        with suppress(ModuleNotFoundError):
            if (spec := importlib.util.find_spec(name)) is not None:
                package = importlib.util.module_from_spec(spec)
                package.__class__ = _NotExecuted
                sys.modules[name] = package
                parent, _, own = name.rpartition(".")
                if parent:
                    setattr(sys.modules[parent], own, package)


class _NotExecuted(ModuleType):
    """A package in which modules are found; its own names are there once it has been executed."""

    def __getattr__(self, name: str) -> object:
        # Python's own attributes are asked for whether they are there or not.
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        execute(self)
        return getattr(self, name)


def execute(package: ModuleType) -> None:
    """Execute a package as its import would have done; one that has been executed is left alone."""
    spec = package.__spec__
    if isinstance(package, _NotExecuted) and spec is not None and spec.loader is not None:
        package.__class__ = ModuleType  # type: ignore[assignment]
        spec.loader.exec_module(package)


class _ExecuteFirst(MetaPathFinder):
    """Finds nothing, but executes a package before those modules of it are imported that need it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        for package, reading in READING.items():
            module = name.removeprefix(f"{package}.")
            if module == name or package not in sys.modules:
                continue
            if module not in reading and module.split(".")[0] not in _WHOLE:
                execute(sys.modules[package])
