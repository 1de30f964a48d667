"""Each test runs a new process: in this one the packages may have been imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pte_foundry.validation.deferred_packages import READERS

_BEGIN = """
import sys
from pte_foundry.heavy_imports import heavy_imports
from pte_foundry.validation.deferred_packages import defer_packages, READERS
defer_packages()
with heavy_imports():
    """


def run(imports: str, then: str) -> str:
    """What `then` prints after the `imports`."""
    return subprocess.run(
        [sys.executable, "-c", f"{_BEGIN}{imports}\n{then}"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


@pytest.mark.parametrize("package", sorted(READERS))
def test_what_is_deferred_is_imported_without_the_package(package: str) -> None:
    modules = ", ".join(f"{package}.{name}" for name in READERS[package])
    heavy = "('torch._dynamo', 'torch._inductor', 'coremltools.converters')"
    assert run(f"import {modules}", f"print([m for m in {heavy} if m in sys.modules])") == "[]"


def test_a_name_of_the_package_executes_it_first_and_may_be_missing_all_the_same() -> None:
    first = "import executorch.exir as e; missing = not hasattr(e, 'no_such')"
    names = "from executorch.exir import ExecutorchBackendConfig, to_edge"
    assert run(f"{first}; {names}", "print(missing, callable(to_edge))") == "True True"


def test_another_module_of_the_package_executes_it_first() -> None:
    # Alone, and without the package before it, executorch.exir.pass_base is a circular import.
    printed = run(
        "import executorch.exir.pass_base as m, executorch.backends.xnnpack.serialization; "
        "from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner",
        "print(m.ExportPass.__name__, XnnpackPartitioner.__name__)",
    )
    assert printed == "ExportPass XnnpackPartitioner"


def test_a_validation_imports_no_exporter() -> None:
    imported = run(
        "import pte_foundry.validation.validate, pte_foundry.backends.vulkan.program, "
        "pte_foundry.backends.xnnpack.program, pte_foundry.backends.mps.program, "
        "pte_foundry.backends.coreml.program",
        "print([m for m in sys.modules if m.startswith(('torch._dynamo', 'torch._inductor', 'torchao'))])",
    )
    assert imported == "[]"
