"""What goes into an index, as the plugin asks for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.records.addresses import address_problem
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json
from pte_foundry.records.outside_text import shown
from pte_foundry.records.paths import check_path
from pte_foundry.records.report import Report

# What no path can follow, and what a URL has to escape.
_NO_FOLDER = re.compile(r"[?#\"<>]")
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)


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


@dataclass(frozen=True)
class UnavailableEntry:
    """A declared program that could not be built here, and the declared condition behind it."""

    address: str
    model: str
    backend: str
    precision: str
    reason: str

    @staticmethod
    def read(fields: Fields) -> UnavailableEntry:
        names = ("address", "model", "backend", "precision", "reason")
        return UnavailableEntry(*map(fields.text, names))


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
        generated = fields.text("generated")
        if not _TIMESTAMP.fullmatch(generated):
            raise fields.error("generated", f"is {generated!r}, not like 1970-01-01T00:00:00Z")
        base_url = fields.text("base_url").rstrip("/")
        if (problem := base_url_problem(base_url)) is not None:
            raise fields.error("base_url", f"is {shown(base_url)}, which {problem}")
        return IndexRequest(
            base_url,
            generated,
            tuple(_artifact(entry, root) for entry in fields.objects("artifacts")),
            tuple(_labels(entry) for entry in fields.objects("labels")),
            tuple(UnavailableEntry.read(entry) for entry in fields.objects("unavailable")),
        )


def base_url_problem(base_url: str) -> str | None:
    """What is wrong with a base URL, as words that follow "it"; None for `.` and for one that clients follow."""
    if base_url == ".":
        return None
    if _NO_FOLDER.search(base_url):
        return "has a query, a fragment or a character that a URL escapes"
    return address_problem(base_url)


def _artifact(fields: Fields, root: Path) -> IndexedProgram:
    report = fields.text("report")
    validation = fields.nested("validation")
    return IndexedProgram(
        Report.read(Fields(read_json(root / report), report)),
        check_path(fields.text("path"), fields.where),
        validation.text("verdict"),
        validation.text("evidence"),
    )


def _labels(fields: Fields) -> Labels:
    category, name = fields.text("category"), fields.text("name")
    check_path(f"{category}/{name}", fields.where)
    return Labels(category, name, fields.sha256("sha256"), fields.count("size"))
