"""The plugin finds the library's records where Pants knows only the plugin's folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pte_build

PLUGINS = Path(pte_build.__file__).parent.parent
PROGRAM = """
import sys
import pte_build
from pte_foundry.records import declared
print(declared.__file__)
print(*sys.path, sep="\\n")
"""


def test_the_library_is_imported_and_not_watched() -> None:
    library = PLUGINS.parent.parent / "src" / "python"
    found = [path for path in sys.path if not (Path(path) / "pte_foundry").is_dir()]
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PYTHONPATH": os.pathsep.join([str(PLUGINS), *found])},
        # Python looks for modules where it is started.
        cwd=PLUGINS,
        capture_output=True,
        text=True,
        check=True,
    )
    file, *path = result.stdout.splitlines()
    assert Path(file).resolve() == (library / "pte_foundry" / "records" / "declared.py").resolve()
    # Pants' daemon restarts when a file below its path changes.
    assert str(library) not in path
