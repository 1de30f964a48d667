"""What goes into an index, with the reports that the request names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pte_foundry.records.index_request import (
    Labels,
    RequestedArtifact,
    RequestedIndex,
    UnavailableEntry,
)
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json
from pte_foundry.records.report import Report


@dataclass(frozen=True)
class IndexedProgram:
    """One validated program.

    Attributes:
        path: of the `.pte` below its version's folder, e.g. `mobilenet/x_xnnpack.pte`.
        verdict: of its validation.
        evidence: what the validation did, see `pte_foundry.validation.result.evidence`.
    """

    report: Report
    path: str
    verdict: str
    evidence: str


@dataclass(frozen=True)
class IndexRequest:
    """Attributes:
    base_url: prefix of every URL, without a final slash; `.` makes them relative to the tree's root.
    generated: UTC timestamp `YYYY-MM-DDTHH:MM:SSZ`.
    """

    base_url: str
    generated: str
    artifacts: tuple[IndexedProgram, ...]
    labels: tuple[Labels, ...]
    unavailable: tuple[UnavailableEntry, ...]

    @staticmethod
    def read(fields: Fields, root: Path) -> IndexRequest:
        """Read the request and the reports that it names.

        Args:
            root: folder that the reports' paths are relative to.

        Raises:
            PteError: `bad-request` or `bad-path` naming the field that is missing or wrong.
        """
        asked = RequestedIndex.read(fields)
        return IndexRequest(
            asked.base_url,
            asked.generated,
            tuple(_artifact(each, root) for each in asked.artifacts),
            asked.labels,
            asked.unavailable,
        )


def _artifact(asked: RequestedArtifact, root: Path) -> IndexedProgram:
    report = Report.read(Fields(read_json(root / asked.report), asked.report))
    return IndexedProgram(report, asked.path, asked.verdict, asked.evidence)
