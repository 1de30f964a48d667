"""What every benchmark gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from workspace.builds import NO_REMOTE_CACHE
from workspace.clone import Clone, temporary_clone
from workspace.repository import Repository

# What this repository is for, without the PEX files of its tools and pages, which need other resolves.
PACKAGE_ARTIFACTS = (
    "--filter-target-type=pte_program,model_index,model_tree",
    "package",
    "::",
)
# Every benchmark builds in the same way: from seeded weights, with the repository's own options, and without a remote
# cache, which would do the work that is to be measured.
_OPTIONS = (
    "--no-pantsrc",
    "--no-dynamic-ui",
    "--no-colors",
    "--level=info",
    *NO_REMOTE_CACHE,
    "--weights-source=seeded",
)


@dataclass(frozen=True)
class Setting:
    """scratch: an empty folder for this benchmark. rounds: how often to time; None for its default.

    programs: addresses of those to measure, for benchmarks that measure programs; all if empty.
    times: what `[run-times] file` made, for benchmarks that run nothing.
    environment: of every `./pants`, see `clone_environment`.
    """

    repository: Repository
    scratch: Path
    environment: Mapping[str, str]
    progress: Callable[[str], None]
    rounds: int | None = None
    programs: tuple[str, ...] = ()
    times: Path | None = None

    def clone(
        self, name: str, environment: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Clone]:
        """A clone at `scratch/name`; `environment` adds to the setting's own."""
        self.progress(f"cloning {len(self.repository.files)} files into {name}")
        return temporary_clone(
            self.repository,
            self.scratch / name,
            {**self.environment, **(environment or {})},
            _OPTIONS,
        )
