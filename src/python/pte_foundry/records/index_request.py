"""What goes into an index, as the plugin asks for it (standard library only)."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from pte_foundry.records.addresses import base_url_problem
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.outside_text import shown
from pte_foundry.records.paths import check_path

_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)


@dataclass(frozen=True)
class RequestedArtifact:
    """One validated program.

    Attributes:
        report: path of its report, relative to the working directory.
        path: of the `.pte` below its version's folder, e.g. `mobilenet/x_xnnpack.pte`.
        verdict: of its validation.
        evidence: what the validation did, see `pte_foundry.validation.result.evidence`.
    """

    report: str
    path: str
    verdict: str
    evidence: str

    @staticmethod
    def read(fields: Fields) -> RequestedArtifact:
        validation = fields.nested("validation")
        return RequestedArtifact(
            fields.text("report"),
            check_path(fields.text("path"), fields.where),
            validation.text("verdict"),
            validation.text("evidence"),
        )

    def to_json(self) -> dict[str, object]:
        return {
            "report": self.report,
            "path": self.path,
            "validation": {"verdict": self.verdict, "evidence": self.evidence},
        }


@dataclass(frozen=True)
class Labels:
    """A label file: its family's folder, its name, SHA-256 and size in bytes."""

    category: str
    name: str
    sha256: str
    size: int

    @property
    def path(self) -> str:
        """Below its version's folder."""
        return f"{self.category}/{self.name}"

    @staticmethod
    def read(fields: Fields) -> Labels:
        category, name = fields.text("category"), fields.text("name")
        check_path(f"{category}/{name}", fields.where)
        return Labels(category, name, fields.sha256("sha256"), fields.count("size"))

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class UnavailableEntry:
    """A declared program that could not be built here, and the declared reason."""

    address: str
    model: str
    backend: str
    precision: str
    reason: str

    @staticmethod
    def read(fields: Fields) -> UnavailableEntry:
        return UnavailableEntry(
            fields.text("address"),
            fields.text("model"),
            fields.text("backend"),
            fields.text("precision"),
            fields.text("reason"),
        )

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class RequestedIndex:
    """The content of `index_request.json`.

    Attributes:
        base_url: prefix of every URL, without a final slash; `.` makes them relative to the tree's root.
        generated: UTC timestamp `YYYY-MM-DDTHH:MM:SSZ`.
    """

    base_url: str
    generated: str
    artifacts: tuple[RequestedArtifact, ...]
    labels: tuple[Labels, ...]
    unavailable: tuple[UnavailableEntry, ...]

    @staticmethod
    def read(fields: Fields) -> RequestedIndex:
        """Raises PteError `bad-request` or `bad-path` naming the field that is missing or wrong."""
        generated = fields.text("generated")
        if not _TIMESTAMP.fullmatch(generated):
            raise fields.error("generated", f"is {generated!r}, not like 1970-01-01T00:00:00Z")
        base_url = fields.text("base_url").rstrip("/")
        if (problem := base_url_problem(base_url)) is not None:
            raise fields.error("base_url", f"is {shown(base_url)}, which {problem}")
        return RequestedIndex(
            base_url,
            generated,
            tuple(RequestedArtifact.read(entry) for entry in fields.objects("artifacts")),
            tuple(Labels.read(entry) for entry in fields.objects("labels")),
            tuple(UnavailableEntry.read(entry) for entry in fields.objects("unavailable")),
        )

    def to_json(self) -> dict[str, object]:
        return {
            "base_url": self.base_url,
            "generated": self.generated,
            "artifacts": [each.to_json() for each in self.artifacts],
            "labels": [each.to_json() for each in self.labels],
            "unavailable": [each.to_json() for each in self.unavailable],
        }
