"""Every command: its name, its folder and what it is for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FoundryCommand:
    """folder: below `tools/`. about: the first line of its help."""

    name: str
    folder: str
    about: str

    @property
    def module(self) -> str:
        """It has the command's `app`."""
        return f"{self.folder}.command.main"


GROUPS: dict[str, tuple[FoundryCommand, ...]] = {
    "Models and weights": (
        FoundryCommand("new", "new_model", "Declare a model of your own from a checkpoint file."),
        FoundryCommand("pin", "pin_weights", "Pin a checkpoint: write its hash and size into the BUILD file."),
    ),
    "Look closer": (
        FoundryCommand("doctor", "doctor", "Check what this machine can build, and how to fix the rest."),
        FoundryCommand("explain", "explain", "Show which operators a delegate took, which it left, and why."),
        FoundryCommand("inspect", "inspect_program", "Show what is in a .pte file, whoever built it."),
        FoundryCommand("reproduce", "reproduce", "Rebuild programs under perturbations and compare the bytes."),
        FoundryCommand("bench", "bench", "Benchmark the build and the programs, as ratios within one run."),
        FoundryCommand("evaluate", "evaluate", "Measure how often a model's programs are right on your pictures."),
        FoundryCommand("thresholds", "thresholds", "Compare test thresholds with what the tests measured."),
    ),
    "Publish and consume": (
        FoundryCommand("update-index", "update_index", "Rebuild the committed indexes from seeded weights."),
        FoundryCommand("verify", "verify_tree", "Check a tree against the hashes and index it lists."),
        FoundryCommand("sign", "sign_tree", "Sign a tree with a local key."),
        FoundryCommand("fetch", "fetch_model", "Fetch the best program for a platform from a published tree."),
        FoundryCommand("serve", "serve", "Show the catalogue of a tree in a browser."),
        FoundryCommand("record", "record", "Put what a device measured beside its model."),
        FoundryCommand("ultralytics-folder", "ultralytics_folder", "Make a folder that ultralytics' YOLO loads."),
    ),
    "Maintain": (
        FoundryCommand("locks", "locks", "Regenerate the lockfiles of 3rdparty/python from locks.toml."),
        FoundryCommand("upgrade", "upgrade", "Move to another ExecuTorch version, or add it beside this one."),
        FoundryCommand("operators", "operator_table", "Write the table of what each backend makes of an operator."),
        FoundryCommand("cache-server", "cache_server", "Run a remote cache for one machine or a small team."),
    ),
}  # fmt: skip
"""Title to its commands, in the order of `foundry --help`."""


def commands() -> tuple[FoundryCommand, ...]:
    """All of them, in their order."""
    return tuple(entry for entries in GROUPS.values() for entry in entries)
