"""Every command: its name, where it is, what it is for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """module: has the command's `app`. about: the first line of its help."""

    name: str
    module: str
    about: str


GROUPS: dict[str, tuple[Entry, ...]] = {
    "Models and weights": (
        Entry("new", "new_model.command.main", "Declare a model of your own from a checkpoint file."),
        Entry("pin", "pin_weights.command.main", "Pin a checkpoint: write its hash and size into the BUILD file."),
    ),
    "Look closer": (
        Entry("doctor", "doctor.command.main", "Show what this machine can build, and why not the rest."),
        Entry("explain", "explain.command.main", "Explain what a delegate took of a program, what not and why."),
        Entry("reproduce", "reproduce.command.main", "Build programs again under perturbations and compare the bytes."),
        Entry("bench", "bench.command.main", "Measure the build and the programs, as ratios within one run."),
        Entry("thresholds", "thresholds.command.main", "Compare the thresholds of tests with what they measured."),
    ),
    "Publish and consume": (
        Entry("update-index", "update_index.command.main", "Write index.json anew, from seeded weights."),
        Entry("verify", "verify_tree.command.main", "Check that a tree holds exactly the files that it lists."),
        Entry("sign", "sign_tree.command.main", "Sign a tree with a local key."),
        Entry("fetch", "fetch_model.command.main", "Fetch the program of a published tree that fits a platform best."),
    ),
    "Maintain": (
        Entry("locks", "locks.command.main", "Regenerate the lockfiles of 3rdparty/python from locks.toml."),
        Entry("upgrade", "upgrade.command.main", "Move to another ExecuTorch, or put it beside the present one."),
        Entry("cache-server", "cache_server.command.main", "Run a remote cache for one machine or a small team."),
    ),
}  # fmt: skip
"""Title to its commands, in the order of `foundry --help`."""
