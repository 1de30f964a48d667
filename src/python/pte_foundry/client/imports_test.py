"""Apps install the client without any toolchain: it needs three packages and ours."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import sys
import pte_foundry.client.catalogue
for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] == "pte_foundry":
        print(module.__file__)
"""


def imported(file: Path) -> set[str]:
    """The packages that a source file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None and not node.level
            names.add(node.module.partition(".")[0])
    return names


def test_the_import_closure_needs_three_packages() -> None:
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    files = [Path(line) for line in result.stdout.splitlines()]
    assert len(files) > 10
    packages = {name for file in files for name in imported(file)}
    assert packages - set(sys.stdlib_module_names) == {
        "filelock",
        "platformdirs",
        "pte_foundry",
        "requests",
    }
