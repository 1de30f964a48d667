"""The Pants plugin for `.pte` files.

It shares `pte_foundry.records` with the library, so that one class writes and reads each record that crosses a process
boundary. The library's folder is not on Pants' `pythonpath`: its daemon would restart, and solve the rule graph again,
after every edit of a file there (pants.toml names the files of the records in `pantsd_invalidation_globs`).
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_LIBRARY = "pte_foundry"


def _add_library(folder: Path) -> None:
    """Make `import pte_foundry.…` find the library in this folder."""
    spec = importlib.util.spec_from_file_location(
        _LIBRARY, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    library = importlib.util.module_from_spec(spec)
    sys.modules[_LIBRARY] = library
    spec.loader.exec_module(library)


# Tests have it on their path already.
if importlib.util.find_spec(_LIBRARY) is None:
    _add_library(Path(__file__).resolve().parents[3] / "src" / "python" / _LIBRARY)
