"""A built program: its bytes, and the report about them, checked against what the BUILD file promises."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import FileDigest, FileEntry, PathGlobs, Paths
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule

from pte_build.choices import Choices
from pte_build.library.run_main import MainResult, MainRun, request_file
from pte_build.program.checks import DeclaredTest, ProgramTest, ProgramTestRequest
from pte_build.program.declaration import ProgramDeclaration
from pte_build.program.export import ExportedProgram, ExportedProgramRequest
from pte_build.program.labels import DeclaredLabels, DeclaredLabelsRequest, ProgramLabels
from pte_build.sources import REPORT_MAIN
from pte_build.weights.resolution import ResolvedWeights
from pte_foundry.records.declared import Declared, LabelFile, Weights
from pte_foundry.records.promise import Promise

MODEL_CARD = "README.md"


@dataclass(frozen=True)
class ProgramRequest(EngineAwareParameter):
    program: Address
    choices: Choices = Choices.SESSION

    def debug_hint(self) -> str:
        return self.program.spec


@dataclass(frozen=True)
class BuiltProgram:
    """An exported program that keeps its backend's promise, and its report."""

    exported: ExportedProgram
    report: FileDigest
    labels: ProgramLabels | None
    test: ProgramTest | None

    @property
    def declaration(self) -> ProgramDeclaration:
        return self.exported.declaration


def declared(
    declaration: ProgramDeclaration,
    weights: ResolvedWeights,
    labels: ProgramLabels | None,
    model_card: str | None,
    test: ProgramTest | None,
) -> Declared:
    """What the report takes from BUILD files and options. The rest are facts from the export."""
    backend, quantization = declaration.backend, declaration.quantization
    return Declared(
        address=declaration.address.spec,
        model=declaration.model,
        family=declaration.family,
        backend=backend.name,
        backend_description=backend.summary,
        precision=declaration.precision,
        default_precision=backend.precisions[0],
        platforms=backend.platforms,
        weights=Weights(
            address=weights.address.spec,
            source=weights.source,
            file=weights.file,
            sha256=weights.sha256,
            size=weights.size,
            license=weights.license,
            source_page=weights.source_page,
            description=weights.description,
        ),
        labels=(
            LabelFile(
                labels.name, labels.content.fingerprint, labels.content.serialized_bytes_length
            )
            if labels
            else None
        ),
        model_card=model_card,
        promise=Promise(backend.delegate, declaration.floor),
        quantization_floor=quantization.floor if quantization else None,
        checks=test.checks if test else None,
    )


@rule
async def build_program(request: ProgramRequest) -> BuiltProgram:
    exported, labelled, tested, cards = await MultiGet(
        Get(ExportedProgram, ExportedProgramRequest(request.program, request.choices)),
        Get(DeclaredLabels, DeclaredLabelsRequest(request.program)),
        Get(DeclaredTest, ProgramTestRequest(request.program)),
        Get(Paths, PathGlobs([f"{request.program.spec_path}/{MODEL_CARD}"])),
    )
    declaration = exported.declaration
    card = next(iter(cards.files), None)
    result = await Get(
        MainResult,
        MainRun(
            REPORT_MAIN,
            request_file(
                "declared.json",
                declared(declaration, exported.weights, labelled.labels, card, tested.test),
            ),
            ("facts.json", "--report", "report.json"),
            owner=declaration.address,
            failed="its report was refused",
            description=f"Write the report of {declaration.address}",
            output_files=("report.json",),
            files=(FileEntry("facts.json", exported.facts),),
        ),
    )
    return BuiltProgram(exported, result.files["report.json"], labelled.labels, tested.test)


def rules() -> Iterable[Rule]:
    return collect_rules()
