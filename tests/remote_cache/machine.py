"""Clones as other machines have them: another path, user and $PATH, and an empty store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from end_to_end.clone import PantsOutcome, UserClone, make_clone
from remote_cache.environment import machine_environment


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
