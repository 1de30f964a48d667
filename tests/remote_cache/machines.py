"""Clones and workspaces as on other machines: with an empty store, and a remote cache or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from end_to_end.clone import PantsOutcome, UserClone, make_clone, user_caches
from pte_build.stand_in_library import ROOT
from pte_build.stand_in_repository import program_text, repository_files, target_text
from pte_build.stand_in_workspace import write_workspace

PROGRAM = "models/variant:variant"
PTE = "models/variant/variant.pte"
REPORT = "models/variant/variant.json"
SEEDED = "--weights-source=seeded"
_BUILDER = f"{ROOT}/models/variant.py"


@dataclass(frozen=True)
class Machine:
    """A clone as on another machine: with another path, user and $PATH, and an empty store."""

    clone: UserClone

    def package(self, *arguments: str) -> PantsOutcome:
        """`./pants package`, which must succeed."""
        outcome = self.clone.run(*arguments)
        assert outcome.exit_code == 0, outcome.output
        return outcome

    def stop(self) -> None:
        self.clone.stop()


def make_machine(folder: Path, address: str | None, options: Mapping[str, str]) -> Machine:
    """A clone in `folder` that uses the remote cache at `address`, or none. options: further variables."""
    home, programs = folder / "home", folder / "programs"
    for each in (home, programs):
        each.mkdir(parents=True)
    environment = {
        **_environment(folder, home, address),
        "USER": folder.name,
        "LOGNAME": folder.name,
        "PATH": f"{programs}:{os.environ['PATH']}",
        **options,
    }
    return Machine(make_clone(folder / "work" / "pte-foundry", environment))


@dataclass(frozen=True)
class StandInMachine:
    """A machine with a workspace of stand-in programs, which export in a fraction of a second."""

    folder: Path
    clone: UserClone

    def set_variant(self, number: int, megabytes: float = 0.0) -> None:
        """Make the program a new one of about this size."""
        content = f"variant {number} " + "." * int(megabytes * 1e6)
        (self.clone.root / _BUILDER).write_text(f"CONTENT = {content!r}\n")

    def package(self, *options: str) -> PantsOutcome:
        """`./pants package` of the program into an empty `dist/`, by default with seeded weights."""
        self.clone.clear_dist()
        return self.clone.run(*(options or (SEEDED,)), "package", PROGRAM)

    def test(self) -> PantsOutcome:
        return self.clone.run(SEEDED, "test", f"{PROGRAM}_test")

    def pte(self) -> bytes | None:
        """The program in `dist/`; None if there is none."""
        return self.clone.dist_files().get(PTE)

    def stop(self) -> None:
        """End the daemon and delete the store."""
        self.clone.stop()
        shutil.rmtree(self.folder / "store", ignore_errors=True)


def make_stand_in_machine(
    folder: Path, address: str | None, options: Mapping[str, str]
) -> StandInMachine:
    """As `make_machine`, with a workspace of stand-in programs."""
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
    environment = {**_environment(folder, home, address), **options}
    return StandInMachine(folder, UserClone(root, environment))


def _environment(folder: Path, home: Path, address: str | None) -> dict[str, str | None]:
    """An empty store in `folder`, and the remote cache at `address`, or none."""
    return {
        **user_caches(),
        "PANTS_LOCAL_STORE_DIR": str(folder / "store"),
        "HOME": str(home),
        "PANTS_CONFIG_FILES": "pants.remote.toml" if address else None,
        "PANTS_REMOTE_STORE_ADDRESS": address,
    }
