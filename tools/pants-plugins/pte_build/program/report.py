"""A built program: its bytes, and the report that states them, enforced against what the BUILD file promises."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import (
    CreateDigest,
    Digest,
    DigestEntries,
    FileContent,
    FileDigest,
    FileEntry,
    MergeDigests,
    PathGlobs,
    Paths,
)
from pants.engine.process import FallibleProcessResult
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.target import (
    HydratedSources,
    HydrateSourcesRequest,
    WrappedTarget,
    WrappedTargetRequest,
)

from pte_build.choices import Choices
from pte_build.errors import PteBuildError
from pte_build.library.library_run import LibraryRun
from pte_build.library.sources import REPORT_MAIN, LibrarySources, LibrarySourcesRequest
from pte_build.process_failure import describe_failure
from pte_build.program.checks import DeclaredChecks, ProgramChecks, ProgramChecksRequest
from pte_build.program.declaration import ProgramDeclaration
from pte_build.program.export import ExportedProgram, ExportedProgramRequest
from pte_build.targets.pte_program import ProgramLabelsField
from pte_build.toolchain.interpreter import ToolchainInterpreter
from pte_build.toolchain.process import library_process
from pte_build.weights.resolution import ResolvedWeights

MODEL_CARD = "README.md"


@dataclass(frozen=True)
class ProgramRequest(EngineAwareParameter):
    program: Address
    choices: Choices = Choices.SESSION

    def debug_hint(self) -> str:
        return self.program.spec


@dataclass(frozen=True)
class DeclaredLabels:
    """A label file: its path in the repository and its content."""

    path: str
    content: FileDigest

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class BuiltProgram:
    """An exported program that keeps its backend's promise, and its report."""

    exported: ExportedProgram
    report: FileDigest
    labels: DeclaredLabels | None
    checks: DeclaredChecks | None

    @property
    def declaration(self) -> ProgramDeclaration:
        return self.exported.declaration


def declared_part(
    declaration: ProgramDeclaration,
    weights: ResolvedWeights,
    labels: DeclaredLabels | None,
    model_card: str | None,
    checks: DeclaredChecks | None,
) -> dict[str, Any]:
    """What the report has from BUILD files and options; the rest are facts from the export."""
    backend = declaration.backend
    return {
        "address": declaration.address.spec,
        "model": declaration.model,
        "family": declaration.family,
        "backend": backend.name,
        "backend_description": backend.summary,
        "precision": declaration.precision,
        "default_precision": backend.precisions[0],
        "platforms": list(backend.platforms),
        "weights": {
            "address": weights.address.spec,
            "source": weights.source,
            "file": weights.file,
            "sha256": weights.sha256,
            "size": weights.size,
            "license": weights.license,
            "source_page": weights.source_page,
            "description": weights.description,
        },
        "labels": labels
        and {
            "file": labels.name,
            "sha256": labels.content.fingerprint,
            "size": labels.content.serialized_bytes_length,
        },
        "model_card": model_card,
        "delegate": backend.delegate,
        "floor": asdict(declaration.floor),
        "quantization_floor": declaration.quantization and asdict(declaration.quantization.floor),
        "checks": checks and checks.as_json(),
    }


@rule
async def build_program(request: ProgramRequest) -> BuiltProgram:
    exported, wrapped, program_checks, cards, sources, _ = await MultiGet(
        Get(ExportedProgram, ExportedProgramRequest(request.program, request.choices)),
        Get(WrappedTarget, WrappedTargetRequest(request.program, description_of_origin="a report")),
        Get(ProgramChecks, ProgramChecksRequest(request.program)),
        Get(Paths, PathGlobs([f"{request.program.spec_path}/{MODEL_CARD}"])),
        Get(LibrarySources, LibrarySourcesRequest(REPORT_MAIN)),
        Get(ToolchainInterpreter),
    )
    label_files = await Get(
        HydratedSources, HydrateSourcesRequest(wrapped.target[ProgramLabelsField])
    )
    label_entries = await Get(DigestEntries, Digest, label_files.snapshot.digest)
    labels = next(
        (
            DeclaredLabels(entry.path, entry.file_digest)
            for entry in label_entries
            if isinstance(entry, FileEntry)
        ),
        None,
    )
    declaration = exported.declaration
    declared = declared_part(
        declaration,
        exported.weights,
        labels,
        next(iter(cards.files), None),
        program_checks.checks,
    )
    files = await Get(
        Digest,
        CreateDigest(
            [
                FileContent("declared.json", (json.dumps(declared, indent=2) + "\n").encode()),
                FileEntry("facts.json", exported.facts),
            ]
        ),
    )
    inputs = await Get(Digest, MergeDigests([sources.digest, files]))
    result = await Get(
        FallibleProcessResult,
        LibraryRun(
            library_process(
                (
                    "-m",
                    "pte_foundry.records.report_main",
                    "declared.json",
                    "facts.json",
                    "--report",
                    "report.json",
                ),
                input_digest=inputs,
                output_files=("report.json",),
                description=f"Write the report of {declaration.address}",
            )
        ),
    )
    if result.exit_code != 0:
        raise PteBuildError(
            describe_failure(f"{declaration.address}: its report was refused", result)
        )
    entries = await Get(DigestEntries, Digest, result.output_digest)
    report = next(entry.file_digest for entry in entries if isinstance(entry, FileEntry))
    return BuiltProgram(exported, report, labels, program_checks.checks)


def rules() -> Iterable[Rule]:
    return collect_rules()
