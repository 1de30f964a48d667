"""The file of class names that a program declares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.fs import Digest, DigestEntries, FileDigest
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.engine.target import (
    HydratedSources,
    HydrateSourcesRequest,
    WrappedTarget,
    WrappedTargetRequest,
)

from pte_build.cache_entry import plain_files
from pte_build.targets.pte_program import ProgramLabelsField


@dataclass(frozen=True)
class ProgramLabels:
    """A label file: its path in the repository and its content."""

    path: str
    content: FileDigest

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class DeclaredLabelsRequest:
    program: Address


@dataclass(frozen=True)
class DeclaredLabels:
    """`labels` is None for a program without any."""

    labels: ProgramLabels | None


@rule
async def declared_labels(request: DeclaredLabelsRequest) -> DeclaredLabels:
    wrapped = await Get(
        WrappedTarget, WrappedTargetRequest(request.program, description_of_origin="its labels")
    )
    files = await Get(HydratedSources, HydrateSourcesRequest(wrapped.target[ProgramLabelsField]))
    entries = await Get(DigestEntries, Digest, files.snapshot.digest)
    return DeclaredLabels(
        next((ProgramLabels(*file) for file in plain_files(entries).items()), None)
    )


def rules() -> Iterable[Rule]:
    return collect_rules()
