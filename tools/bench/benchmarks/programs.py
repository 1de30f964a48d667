"""The programs of a clone, by address, and the reports of those that were built."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.benchmarks.setting import Setting
from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.report import Report
from workspace.backends import read_backends
from workspace.clone import Clone
from workspace.errors import ToolError

# What `peek` prints, among Pants' messages.
_PEEKED = re.compile(r"^\[$.*^\]$", re.MULTILINE | re.DOTALL)
INT8 = "int8"
_NAMED_PRECISIONS = ("fp16", "fp32", INT8)

Precisions = Literal["all", "default", "int8"]


@dataclass(frozen=True)
class BenchProgram:
    """A `pte_program`; its name is `<model>[_<precision>]_<backend>`."""

    address: str

    @property
    def backend(self) -> str:
        return self.address.rpartition("_")[2]

    @property
    def precision(self) -> str | None:
        """None for the backend's default, which is not part of the name."""
        word = self.address.rpartition("_")[0].rpartition("_")[2]
        return word if word in _NAMED_PRECISIONS else None

    @property
    def in_default_precision(self) -> BenchProgram:
        """The same model on the same backend."""
        if self.precision is None:
            return self
        return BenchProgram(f"{self.address.rpartition('_')[0].rpartition('_')[0]}_{self.backend}")

    def file(self, clone: Clone, suffix: str) -> Path:
        """A file that `package` writes for it: `.pte` or `.json`."""
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
    backends: Collection[str] | None = None,
    precisions: Precisions = "all",
) -> tuple[BenchProgram, ...]:
    """The programs of these backends and precisions, sorted; only those that the user has named, if any.

    backends: None for all whose programs need no vendor SDK, which not every machine has.

    Those that BUILD files declare unavailable are left out, unless they are named.

    Raises ToolError for a named program that does not exist, and if none is left.
    """
    if backends is None:
        backends = [each.name for each in read_backends(clone.root).values() if each.sdk is None]
    existing = _existing(clone)
    if unknown := sorted(set(setting.programs) - set(existing)):
        raise ToolError(f"there is no program {unknown}; there are {sorted(existing)}")
    available = sorted(address for address, reason in existing.items() if reason is None)
    found = tuple(
        program
        for program in map(BenchProgram, setting.programs or available)
        if program.backend in backends and _is_of(program, precisions)
    )
    if not found:
        raise ToolError(
            f"no program is left to measure: this benchmark takes those of {sorted(backends)}, of "
            f"{precisions} precision{'s' if precisions == 'all' else ''}"
        )
    return found


def _is_of(program: BenchProgram, precisions: Precisions) -> bool:
    if precisions == "all":
        return True
    return program.precision == (None if precisions == "default" else precisions)


def _existing(clone: Clone) -> dict[str, str | None]:
    """Address -> why it is declared unavailable, None if it is not."""
    output = clone.pants("--filter-target-type=pte_program", "peek", "models::").output
    peeked = _PEEKED.search(output)
    try:
        targets = json.loads(peeked.group()) if peeked else []
        return {target["address"]: target.get("unavailable") for target in targets}
    except (LookupError, TypeError, ValueError) as error:
        raise ToolError(
            f"`./pants peek` should print targets as JSON: {error!r} in\n{output}"
        ) from error
