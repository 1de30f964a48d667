"""Pants' plugin for `.pte` files.

It shares `pte_foundry.records` with the library: what crosses a process is written and read by one class each. Pants
is not told of the library's folder as a `pythonpath`: its daemon would restart, and solve the graph of all rules again,
after every edit of a file there (pants.toml names the files of the records in `pantsd_invalidation_globs`).
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_LIBRARY = "pte_foundry"


def _add_library(folder: Path) -> None:
    """Have `import pte_foundry.…` find the library in this folder."""
    spec = importlib.util.spec_from_file_location(
        _LIBRARY, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    library = importlib.util.module_from_spec(spec)
    sys.modules[_LIBRARY] = library
    spec.loader.exec_module(library)


# It is found already where tests run.
if importlib.util.find_spec(_LIBRARY) is None:
    _add_library(Path(__file__).resolve().parents[3] / "src" / "python" / _LIBRARY)
