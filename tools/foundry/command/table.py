"""Every command: its name, where it is, what it is for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """folder: below `tools/`. about: the first line of its help."""

    name: str
    folder: str
    about: str

    @property
    def module(self) -> str:
        """It has the command's `app`."""
        return f"{self.folder}.command.main"


GROUPS: dict[str, tuple[Entry, ...]] = {
    "Models and weights": (
        Entry("new", "new_model", "Declare a model of your own from a checkpoint file."),
        Entry("pin", "pin_weights", "Pin a checkpoint: write its hash and size into the BUILD file."),
    ),
    "Look closer": (
        Entry("doctor", "doctor", "Show what this machine can build, and why not the rest."),
        Entry("explain", "explain", "Explain what a delegate took of a program, what not and why."),
        Entry("reproduce", "reproduce", "Build programs again under perturbations and compare the bytes."),
        Entry("bench", "bench", "Measure the build and the programs, as ratios within one run."),
        Entry("thresholds", "thresholds", "Compare the thresholds of tests with what they measured."),
    ),
    "Publish and consume": (
        Entry("update-index", "update_index", "Write index.json anew, from seeded weights."),
        Entry("verify", "verify_tree", "Check that a tree holds exactly the files that it lists."),
        Entry("sign", "sign_tree", "Sign a tree with a local key."),
        Entry("fetch", "fetch_model", "Fetch the program of a published tree that fits a platform best."),
    ),
    "Maintain": (
        Entry("locks", "locks", "Regenerate the lockfiles of 3rdparty/python from locks.toml."),
        Entry("upgrade", "upgrade", "Move to another ExecuTorch, or put it beside the present one."),
        Entry("cache-server", "cache_server", "Run a remote cache for one machine or a small team."),
    ),
}  # fmt: skip
"""Title to its commands, in the order of `foundry --help`."""


def commands() -> tuple[Entry, ...]:
    """All of them, in their order."""
    return tuple(entry for entries in GROUPS.values() for entry in entries)
