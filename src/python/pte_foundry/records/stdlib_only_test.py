"""Report and index processes have no toolchain: they must run on a bare interpreter."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_PROGRAM = """
import importlib, sys
before = set(sys.modules)
importlib.import_module(sys.argv[1])
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(loaded - set(sys.stdlib_module_names) - {"pte_foundry"}))
"""


@pytest.mark.parametrize(
    "module",
    [
        "pte_foundry.records.report_main",
        "pte_foundry.index.main",
        "pte_foundry.index.compare_main",
        "pte_foundry.publishing.main",
    ],
)
def test_the_import_closure_is_the_standard_library_and_ours(module: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM, module],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.split() == []
