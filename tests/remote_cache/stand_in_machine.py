"""Machines with a workspace of stand-in programs, of which an export takes a fraction of a second."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from end_to_end.clone import PantsOutcome, UserClone
from pte_build.stand_in_library import ROOT
from pte_build.stand_in_repository import program_text, repository_files, target_text
from pte_build.stand_in_workspace import write_workspace
from remote_cache.machine import machine_environment

PROGRAM = "models/variant:variant"
PTE = "models/variant/variant.pte"
REPORT = "models/variant/variant.json"
SEEDED = "--weights-source=seeded"
_BUILDER = f"{ROOT}/models/variant.py"


@dataclass(frozen=True)
class StandInMachine:
    """folder: of the machine, the workspace with it."""

    folder: Path
    clone: UserClone

    def set_variant(self, number: int, megabytes: float = 0.0) -> None:
        """Make the program one that was never exported, of about this size."""
        content = f"variant {number} " + "." * int(megabytes * 1e6)
        (self.clone.root / _BUILDER).write_text(f"CONTENT = {content!r}\n")

    def package(self, *options: str) -> PantsOutcome:
        """`./pants package` of the program, from an empty `dist/`. options: seeded weights if left out."""
        self.clone.clear_dist()
        return self.clone.run(*(options or (SEEDED,)), "package", PROGRAM)

    def test(self) -> PantsOutcome:
        return self.clone.run(SEEDED, "test", f"{PROGRAM}_test")

    def pte(self) -> bytes | None:
        """The program in `dist/`; None if it is missing."""
        return self.clone.dist_files().get(PTE)

    def stop(self) -> None:
        """End the daemon, and give the disk back."""
        self.clone.stop()
        shutil.rmtree(self.folder / "store", ignore_errors=True)


def make_stand_in_machine(
    folder: Path, address: str | None, options: Mapping[str, str]
) -> StandInMachine:
    """A workspace and an empty store below `folder`; the named caches and what the launcher installs are the user's.

    address: of the remote cache, if it uses one. options: more of the environment.
    """
    root = folder / "workspace"
    weights = ["models/alpha:alpha_weights"]
    files = {
        **repository_files(),
        "models/variant/BUILD": program_text(
            "variant", model="variant", weights=weights, builder=[_BUILDER]
        )
        + target_text("pte_test", "variant_test", program=[":variant"]),
        _BUILDER: "",
    }
    write_workspace(Path.cwd(), root, files)
    home = folder / "home"
    home.mkdir()
    environment = {**machine_environment(folder, home, address), **options}
    return StandInMachine(folder, UserClone(root, environment))
