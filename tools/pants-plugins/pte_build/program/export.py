"""Export one program: from its declaration to the bytes of a `.pte` and the facts about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pants.core.goals.export import ExportSubsystem
from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import (
    EMPTY_DIGEST,
    CreateDigest,
    Digest,
    DigestContents,
    FileDigest,
    FileEntry,
)
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.unions import UnionRule
from pants.option.option_types import BoolOption

from pte_build.cache_entry import read_object, wrong_cache_entry
from pte_build.choices import Choices
from pte_build.errors import PteBuildError
from pte_build.library.run_main import MainResult, MainRun, request_file
from pte_build.pictures.calibration import Calibration, CalibrationRequest
from pte_build.program.availability import Availability, AvailabilityRequest
from pte_build.program.declaration import ProgramDeclaration
from pte_build.program.labels import DeclaredLabels, DeclaredLabelsRequest
from pte_build.sdk.files import Sdk, SdkRequest
from pte_build.sources import EXPORT_MAIN, Module, ModuleRequest
from pte_build.targets.pte_program import ProgramQuantizationField
from pte_build.toolchain.locks import ToolchainRequest
from pte_build.weights.resolution import ResolvedWeights, ResolvedWeightsRequest
from pte_foundry.errors import PteError
from pte_foundry.records.export_request import ExportRequest, RequestedQuantization
from pte_foundry.records.facts import ExportedFile
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.model_request import ModelRequest, WeightsRequest


class StockOption:
    """An option in the scope `[export]`, which is Pants' own."""

    stock = BoolOption(
        default=False,
        help="Export programs with unmodified torch and ExecuTorch, without the speed-ups of `pte_foundry.speedups`. "
        "This takes about twice as long and gives the same bytes: docs/speedups.md says how that is checked.",
    )


@dataclass(frozen=True)
class ExportedProgramRequest(EngineAwareParameter):
    program: Address
    choices: Choices = Choices.SESSION

    def debug_hint(self) -> str:
        return self.program.spec


@dataclass(frozen=True)
class ExportedProgram:
    """`pte` and `facts` are the contents of the two files that the export wrote.

    pictures: the calibration pictures, at the paths that its request names.
    """

    declaration: ProgramDeclaration
    weights: ResolvedWeights
    request: ExportRequest
    pictures: Digest
    pte: FileDigest
    facts: FileDigest


def model_request(
    declaration: ProgramDeclaration,
    builder: str,
    imports: tuple[str, ...],
    weights: ResolvedWeights,
) -> ModelRequest:
    """The part of an export's request that describes the eager model. Validation asks for the same one."""
    return ModelRequest(
        name=declaration.model,
        builder=builder,
        inputs=declaration.inputs,
        weights=WeightsRequest(
            weights.source, None if weights.sha256 is None else weights.sandbox_path
        ),
        imports=imports,
        outputs=declaration.outputs,
        allowed_classes=declaration.allowed_classes,
    )


def check_facts(program: Address, facts: Mapping[str, Any], pte: FileDigest) -> None:
    """Raises PteBuildError if the facts are about other bytes, as after a wrong cache hit."""
    try:
        said = ExportedFile.read(Fields(facts, "facts.json").nested("pte"))
    except PteError as error:
        raise wrong_cache_entry(program, f"a .pte and facts that do not match ({error})") from None
    if said != ExportedFile(pte.fingerprint, pte.serialized_bytes_length):
        raise wrong_cache_entry(
            program,
            f"a .pte with sha256 {pte.fingerprint} and {pte.serialized_bytes_length} bytes, but its export wrote "
            f"{said.sha256} and {said.size} bytes",
        )


@rule
async def export_program(
    request: ExportedProgramRequest, options: ExportSubsystem
) -> ExportedProgram:
    availability = await Get(Availability, AvailabilityRequest(request.program, request.choices))
    if availability.unavailable is not None:
        raise PteBuildError(availability.unavailable.refusal)
    declaration = availability.declaration
    address = declaration.address
    sdk = await Get(Sdk, SdkRequest(declaration.backend.sdk, address))
    weights = await Get(
        ResolvedWeights, ResolvedWeightsRequest(declaration.weights, address, request.choices)
    )
    backend, quantization = declaration.backend, declaration.quantization
    builder, lowering, *rewrites = await MultiGet(
        Get(Module, ModuleRequest(declaration.builder, address, "builder")),
        Get(Module, ModuleRequest(backend.lowering, backend.address, "lowering")),
        *(Get(Module, ModuleRequest(file, address, "rewrites")) for file in declaration.rewrites),
    )
    imports = await MultiGet(
        Get(Module, ModuleRequest(file, address, "imports")) for file in declaration.imports
    )
    labels = (await Get(DeclaredLabels, DeclaredLabelsRequest(request.program))).labels
    requested, pictures = None, EMPTY_DIGEST
    if quantization is not None:
        recipe = await Get(
            Module, ModuleRequest(quantization.recipe, address, ProgramQuantizationField.alias)
        )
        calibration = await Get(Calibration, CalibrationRequest(quantization.calibration, address))
        requested = RequestedQuantization(recipe.name, quantization.options, calibration.paths)
        pictures = calibration.digest
    export = ExportRequest(
        model=model_request(
            declaration, builder.name, tuple(module.name for module in imports), weights
        ),
        backend=backend.name,
        lowering=lowering.name,
        precision=declaration.precision,
        options=declaration.options,
        rewrites=tuple(rewrite.name for rewrite in rewrites),
        quantization=requested,
        labels_sha256=labels.content.fingerprint if labels else None,
        stock=options.options.stock,
    )
    result = await Get(
        MainResult,
        MainRun(
            EXPORT_MAIN,
            request_file("export_request.json", export),
            ("--pte", "program.pte", "--facts", "facts.json"),
            owner=address,
            failed="export failed",
            description=f"Export {address}",
            output_files=("program.pte", "facts.json"),
            files=weights.files(),
            inputs=(sdk.digest, pictures),
            plugins=(backend.lowering, *declaration.plugins),
            toolchain=ToolchainRequest(declaration.resolves, needed_by=address.spec),
            weights=weights,
            environment=sdk.environment,
            remote=True,
        ),
    )
    pte, facts = result.files["program.pte"], result.files["facts.json"]
    # The facts alone: the program itself need not be read into this process.
    facts_digest = await Get(Digest, CreateDigest([FileEntry("facts.json", facts)]))
    contents = await Get(DigestContents, Digest, facts_digest)
    check_facts(address, read_object(address, "facts.json", contents[0].content), pte)
    return ExportedProgram(declaration, weights, export, pictures, pte, facts)


def rules() -> Iterable[Rule | UnionRule]:
    return (*collect_rules(), ExportSubsystem.register_plugin_options(StockOption))
