"""Where the user's caches are."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def user_caches(environment: Mapping[str, str]) -> dict[str, str]:
    """Where Pants and the launcher keep things by default, as variables for a process with another $HOME."""
    home = Path(environment["HOME"])
    cache = Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    return {
        "PANTS_NAMED_CACHES_DIR": environment.get("PANTS_NAMED_CACHES_DIR")
        or str(cache / "pants" / "named_caches"),
        "PTE_FOUNDRY_CACHE": environment.get("PTE_FOUNDRY_CACHE") or str(cache / "pte-foundry"),
        "PYENV_ROOT": environment.get("PYENV_ROOT") or str(home / ".pyenv"),
    }


def user_pip_cache(environment: Mapping[str, str]) -> str:
    """Where the user's pip keeps what it has downloaded (https://pip.pypa.io/en/stable/topics/caching)."""
    home = Path(environment["HOME"])
    if sys.platform == "darwin":
        default = home / "Library" / "Caches"
    else:
        default = Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    return environment.get("PIP_CACHE_DIR") or str(default / "pip")
