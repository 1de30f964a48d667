"""The programs of a clone, by address, and the reports of those that were built."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from bench.benchmarks.setting import Setting
from pte_foundry.errors import PteError
from pte_foundry.reporting.json_fields import Fields
from pte_foundry.reporting.report import Report
from workspace.clone import Clone
from workspace.errors import ToolError

_ADDRESS = re.compile(r"^models/[^\s:]+:\S+$", re.MULTILINE)
_NAMED_PRECISIONS = ("fp16", "fp32", "int8")


@dataclass(frozen=True)
class Program:
    """A `pte_program`; its name is `<model>[_<precision>]_<backend>`."""

    address: str

    @property
    def backend(self) -> str:
        return self.address.rpartition("_")[2]

    @property
    def has_default_precision(self) -> bool:
        """A precision is part of the name only if it is not the backend's default."""
        return self.address.rpartition("_")[0].rpartition("_")[2] not in _NAMED_PRECISIONS

    def file(self, clone: Clone, suffix: str) -> Path:
        """What `package` writes of it: `.pte` or `.json`."""
        folder, _, name = self.address.partition(":")
        return clone.root / "dist" / folder / f"{name}{suffix}"

    def report(self, clone: Clone) -> Report:
        """Raises ToolError if it was not built, or if its report is not understood."""
        file = self.file(clone, ".json")
        try:
            return Report.read(Fields(json.loads(file.read_text("utf-8")), file.name))
        except (OSError, ValueError, PteError) as error:
            raise ToolError(
                f"{self.address}: its report cannot be read: {error}. Build it and look at {file.name}"
            ) from error


def chosen_programs(
    setting: Setting,
    clone: Clone,
    backends: Collection[str],
    default_precision_only: bool = False,
) -> tuple[Program, ...]:
    """The programs of these backends, sorted; of them those that the user has named, if any.

    Raises ToolError for a named program that does not exist, and if none is left.
    """
    listed = clone.pants("--filter-target-type=pte_program", "list", "models::")
    existing = sorted(_ADDRESS.findall(listed.output))
    if unknown := sorted(set(setting.programs) - set(existing)):
        raise ToolError(f"there is no program {unknown}; there are {existing}")
    found = tuple(
        program
        for program in map(Program, setting.programs or existing)
        if program.backend in backends
        and (program.has_default_precision or not default_precision_only)
    )
    if not found:
        raise ToolError(
            f"no program is left to measure: this benchmark takes those of {sorted(backends)}"
            f"{', in their default precision' if default_precision_only else ''}"
        )
    return found
