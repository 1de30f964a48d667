"""Clones as other machines have them: another path, user and $PATH, and an empty store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from end_to_end.clone import PantsOutcome, UserClone, make_clone


@dataclass(frozen=True)
class Machine:
    clone: UserClone

    def package(self, *arguments: str) -> PantsOutcome:
        """`./pants package`, which has to end well."""
        outcome = self.clone.run(*arguments)
        assert outcome.exit_code == 0, outcome.output
        return outcome

    def stop(self) -> None:
        self.clone.stop()


def make_machine(folder: Path, address: str | None, options: Mapping[str, str]) -> Machine:
    """A clone in `folder` that uses the remote cache at `address`, or none.

    options: more of the environment.
    """
    home, programs = folder / "home", folder / "programs"
    for each in (home, programs):
        each.mkdir(parents=True)
    environment = {
        **machine_environment(folder, home, address),
        "USER": folder.name,
        "LOGNAME": folder.name,
        "PATH": f"{programs}:{os.environ['PATH']}",
        **options,
    }
    return Machine(make_clone(folder / "work" / "pte-foundry", environment))


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
