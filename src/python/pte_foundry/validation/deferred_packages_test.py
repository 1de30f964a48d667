"""Each test runs a new process: in this one the packages may have been imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pte_foundry.validation.deferred_packages import READERS

_BEGIN = "import sys; from pte_foundry.validation.deferred_packages import defer_packages, READERS; defer_packages(); "


def run(statements: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", _BEGIN + statements],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


@pytest.mark.parametrize("package", sorted(READERS))
def test_what_is_deferred_is_imported_without_the_package(package: str) -> None:
    modules = ", ".join(f"{package}.{name}" for name in READERS[package])
    heavy = "('torch._dynamo', 'torch._inductor', 'coremltools.converters')"
    assert run(f"import {modules}; print([m for m in {heavy} if m in sys.modules])") == "[]"


def test_a_name_of_the_package_or_another_module_of_it_executes_it_first() -> None:
    names = "ExecutorchBackendConfig, to_edge"
    assert run(f"from executorch.exir import {names}; print(callable(to_edge))") == "True"
    # Alone, and without the package before it, this module is a circular import.
    module = "executorch.exir.pass_base"
    assert run(f"import {module} as m; print(m.ExportPass.__name__)") == "ExportPass"
    assert "XnnpackPartitioner" in run(
        "import executorch.backends.xnnpack.serialization; from executorch.backends.xnnpack.partition."
        "xnnpack_partitioner import XnnpackPartitioner; print(XnnpackPartitioner)"
    )


def test_a_validation_imports_no_exporter() -> None:
    imported = run(
        "import pte_foundry.validation.validate, pte_foundry.backends.vulkan.program, "
        "pte_foundry.backends.xnnpack.program, pte_foundry.backends.mps.program, "
        "pte_foundry.backends.coreml.program; "
        "print([m for m in sys.modules if m.startswith(('torch._dynamo', 'torch._inductor', 'torchao'))])"
    )
    assert imported == "[]"


def test_what_is_missing_is_missing_all_the_same() -> None:
    assert "no_such" in run(
        "\ntry:\n    from executorch.exir import no_such\nexcept ImportError as e: print(e)"
    )
