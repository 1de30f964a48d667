"""The environment of `./pants` on a machine of its own, beside what all of them may share."""

from __future__ import annotations

import os
from pathlib import Path


def machine_environment(folder: Path, home: Path, address: str | None) -> dict[str, str | None]:
    """An empty store in `folder`, and the remote cache at `address`, or none.

    The launcher's files and Pants' named caches are this machine's: what they hold is in no cache key, and
    installing it anew would take minutes.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or f"{os.environ['HOME']}/.cache")
    return {
        "PANTS_NAMED_CACHES_DIR": os.environ.get("PANTS_NAMED_CACHES_DIR")
        or str(cache / "pants/named_caches"),
        "PTE_FOUNDRY_CACHE": os.environ.get("PTE_FOUNDRY_CACHE") or str(cache / "pte-foundry"),
        "PYENV_ROOT": os.environ.get("PYENV_ROOT") or f"{os.environ['HOME']}/.pyenv",
        "PANTS_LOCAL_STORE_DIR": str(folder / "store"),
        "HOME": str(home),
        "PANTS_CONFIG_FILES": "pants.remote.toml" if address else None,
        "PANTS_REMOTE_STORE_ADDRESS": address,
    }
