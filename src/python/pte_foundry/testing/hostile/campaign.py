"""Validate hostile files one after the other, and count how each validation ended."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pte_foundry.backends.vulkan import program as vulkan_program
from pte_foundry.backends.xnnpack import program as xnnpack_program
from pte_foundry.exporting.export import ExportResult
from pte_foundry.testing.hostile.hostile_files import HostileFile, hostile_files
from pte_foundry.testing.workspace import Workspace, make_workspace
from pte_foundry.validation.case import Case
from pte_foundry.validation.result import verdict

SECONDS, MEMORY_MB = 15, 256
_ENDINGS = ("crash", "time-limit", "memory-limit")


@dataclass
class Campaign:
    """How the validations of all files so far ended.

    Attributes:
        outcomes: how often a file passed, or failed first by this kind and case, such as `load load`; these are all
            files.
        endings: how often a process crashed or met a limit, by `crash SIGSEGV` and the like.
        slowest: seconds of the slowest validation.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    failed_kinds: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def validate(self, file: HostileFile, workspace: Workspace) -> None:
        """Validate with the digest of these bytes in the report, so that later checks have to judge."""
        workspace.replace_program(file.pte)
        begun = time.monotonic()
        cases = list(workspace.run().values())
        self.slowest = max(self.slowest, time.monotonic() - begun)
        failed = [case for case in cases if case.status == "failed"]
        assert (verdict(cases) == "failed") == bool(failed), file
        self.outcomes[f"{failed[0].kind} {failed[0].name}" if failed else "passed"] += 1
        self.failed_kinds.update({case.kind for case in failed})
        self.endings.update(ending for case in failed for ending in _ending(case))

    @property
    def tried(self) -> int:
        return sum(self.outcomes.values())

    def report(self) -> str:
        """For a person, and for `pytest -rP`."""
        lines = [f"{self.tried} files, slowest {self.slowest:.1f} s"]
        for title, counter in (
            ("first failure", self.outcomes),
            ("files with a failure of kind", self.failed_kinds),
            ("processes that ended", self.endings),
        ):
            lines += [f"{title}: {name}: {count}" for name, count in sorted(counter.items())]
        return "\n".join(lines)


def run_campaign(
    folder: Path, exported: dict[str, ExportResult], first: int, count: int
) -> Campaign:
    """Validate the files and hold the validation to its own limits.

    Returns:
        How many were tried, and how each ended; it is printed too. An exception out of `validate` propagates.
    """
    made = _workspaces(folder, exported)
    originals = {name: result.pte for name, result in exported.items()}
    reports = {name: dict(workspace.report) for name, workspace in made.items()}
    for name, workspace in made.items():
        assert all(case.status != "failed" for case in workspace.run().values()), name
    begun_with, files = peak_mb(), open_files()
    campaign = Campaign()
    for file in hostile_files(originals, first, count):
        made[file.original].report = dict(reports[file.original])
        campaign.validate(file, made[file.original])
    print(campaign.report())
    assert open_files() == files
    assert peak_mb() < begun_with + MEMORY_MB
    assert peak_mb(resource.RUSAGE_CHILDREN) < begun_with + 2 * MEMORY_MB
    assert campaign.tried == count
    return campaign


def _ending(case: Case) -> Iterable[str]:
    kind = case.message.partition(":")[0]
    if kind in _ENDINGS:
        words = [word.strip(",:;.") for word in case.message.split() if word.startswith("SIG")]
        yield " ".join([f"{case.kind}:", kind, *words[:1]])


def _workspaces(folder: Path, exported: Mapping[str, ExportResult]) -> dict[str, Workspace]:
    """Good programs by backend; those that are not executed here are interpreted."""
    made = {}
    for backend, result in exported.items():
        (folder / backend).mkdir()
        workspace = make_workspace(folder / backend, result, backend)
        workspace.request["limits"] = {"seconds": SECONDS, "memory_mb": MEMORY_MB}
        if backend == "vulkan":
            workspace.request["interpreter"] = vulkan_program.__name__
            workspace.report["checks"].update(min_cosine=0.9999, max_abs_difference=0.02)
        if backend == "xnnpack":
            # Executed, and then read for its weights.
            workspace.request["interpreter"] = xnnpack_program.__name__
        made[backend] = workspace
    return made


def peak_mb(who: int = resource.RUSAGE_SELF) -> float:
    """The most memory that this process, or any ended child, has had in RAM; a child begins with its parent's."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(who).ru_maxrss * unit / (1 << 20)


def open_files() -> int:
    """How many file descriptors this process holds."""
    return len(os.listdir("/dev/fd"))
