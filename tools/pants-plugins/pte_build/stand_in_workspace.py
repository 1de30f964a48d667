"""A workspace of stand-in programs on disk, for `./pants` itself, with this repository's launcher and plugin."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

# What a workspace copies from the repository.
COPIED = (
    ".pants.bootstrap",
    "pants",
    "pants.remote-execution.toml",
    "pants.remote.toml",
    "src/python/pte_foundry/__init__.py",
    "src/python/pte_foundry/errors.py",
    "src/python/pte_foundry/records",
    "tools/bootstrap",
    "tools/pants-plugins",
)
_PANTS_TOML = """\
[GLOBAL]
pants_version = "2.17.1"
pythonpath = ["%(buildroot)s/tools/pants-plugins"]
backend_packages = ["pants.backend.python", "pte_build"]
# The plugin's own targets need resolves that are not here.
pants_ignore = ["/dist/", "/tools/"]

[anonymous-telemetry]
enabled = false

[source]
root_patterns = ["/src/python"]

[python]
interpreter_constraints = ["CPython==3.11.*"]
enable_resolves = true
default_resolve = "dev"
resolves_generate_lockfiles = false
pip_version = "23.1.2"

[python.resolves]
dev = "locks/dev.lock"
engine = "locks/engine.lock"
extra = "locks/extra.lock"
provenance = "locks/provenance.lock"

[python-infer]
use_rust_parser = true

[pex]
executable_search_paths = ["/usr/local/bin", "/usr/bin", "/bin"]
"""


def write_workspace(repository: Path, destination: Path, files: Mapping[str, str]) -> None:
    """A new workspace in a folder that does not exist yet.

    repository: the checkout to copy launcher and plugin from. files: path to text, including BUILD files.
    """
    destination.mkdir(parents=True)
    for name in COPIED:
        source, target = repository / name, destination / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    for name, text in {"pants.toml": _PANTS_TOML, **files}.items():
        file = destination / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
