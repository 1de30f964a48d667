"""Export one program: from its declaration to the bytes of a `.pte` and the facts about them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pants.core.goals.export import ExportSubsystem
from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import (
    CreateDigest,
    Digest,
    DigestContents,
    DigestEntries,
    DigestSubset,
    FileContent,
    FileDigest,
    MergeDigests,
    PathGlobs,
)
from pants.engine.process import FallibleProcessResult
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.unions import UnionRule
from pants.option.option_types import BoolOption

from pte_build.cache_entry import expected_files, read_object, wrong_cache_entry
from pte_build.choices import Choices
from pte_build.errors import PteBuildError
from pte_build.library.sources import (
    EXPORT_MAIN,
    LibrarySources,
    LibrarySourcesRequest,
    Module,
    ModuleRequest,
)
from pte_build.process_failure import describe_failure
from pte_build.program.availability import Availability, AvailabilityRequest
from pte_build.program.declaration import ProgramDeclaration
from pte_build.progress.stage_files import REQUEST_KEYS
from pte_build.quantization.requested import ProgramQuantization, RequestedQuantizationRequest
from pte_build.result_cache.toolchain_run import ToolchainRun
from pte_build.sdk.files import Sdk, SdkRequest
from pte_build.toolchain.locks import ToolchainRequest
from pte_build.toolchain.process import toolchain_process
from pte_build.weights.presence import WeightsDigest
from pte_build.weights.resolution import ResolvedWeights, ResolvedWeightsRequest


class StockOption:
    """Of the scope `[export]`, which is Pants' own."""

    stock = BoolOption(
        default=False,
        help="Export programs with torch and ExecuTorch as they are, without the speed-ups of `pte_foundry.speedups`. "
        "It takes about twice the time, and the bytes are the same: docs/speedups.md says how that is checked.",
    )


@dataclass(frozen=True)
class ExportedProgramRequest(EngineAwareParameter):
    program: Address
    choices: Choices = Choices.SESSION

    def debug_hint(self) -> str:
        return self.program.spec


@dataclass(frozen=True)
class ExportedProgram:
    """`pte` and `facts` are the contents of the two files that the export wrote."""

    declaration: ProgramDeclaration
    weights: ResolvedWeights
    model_request: str
    pte: FileDigest
    facts: FileDigest


def model_request(
    declaration: ProgramDeclaration,
    builder: str,
    imports: tuple[str, ...],
    weights: ResolvedWeights,
) -> dict[str, Any]:
    """The part of an export's request that says which eager model: validation asks for the same one."""
    # Left out where they are not declared: the request is in the key of every export.
    rare = {
        "imports": imports,
        "outputs": declaration.outputs,
        "allowed_classes": declaration.allowed_classes,
    }
    return {
        "name": declaration.model,
        "builder": builder,
        "inputs": dict(declaration.inputs),
        "weights": (
            {"source": weights.source}
            if weights.sha256 is None
            else {"source": weights.source, "file": weights.sandbox_path}
        ),
        **{key: list(names) for key, names in rare.items() if names},
    }


def check_facts(program: Address, facts: dict[str, Any], pte: FileDigest) -> None:
    """Raises PteBuildError if the facts were not written about these bytes, as after a wrong cache hit."""
    said = _said_of_pte(facts)
    if said != (pte.fingerprint, pte.serialized_bytes_length):
        raise wrong_cache_entry(
            program,
            f"a .pte with sha256 {pte.fingerprint} and {pte.serialized_bytes_length} bytes, but its export wrote "
            f"{said[0]} and {said[1]} bytes",
        )


def _said_of_pte(facts: dict[str, Any]) -> tuple[object, object]:
    pte = facts.get("pte")
    return (pte.get("sha256"), pte.get("size")) if isinstance(pte, dict) else (None, None)


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
    builder, lowering, *rewrites = await MultiGet(
        Get(Module, ModuleRequest(declaration.builder, address, "builder")),
        Get(
            Module,
            ModuleRequest(declaration.backend.lowering, declaration.backend.address, "lowering"),
        ),
        *(Get(Module, ModuleRequest(file, address, "rewrites")) for file in declaration.rewrites),
    )
    imports = await MultiGet(
        Get(Module, ModuleRequest(file, address, "imports")) for file in declaration.imports
    )
    model = model_request(
        declaration, builder.name, tuple(module.name for module in imports), weights
    )
    quantization = await Get(
        ProgramQuantization, RequestedQuantizationRequest(declaration.quantization, address)
    )
    export = {
        "model": model,
        "lowering": lowering.name,
        "precision": declaration.precision,
        "options": dict(declaration.options),
        "rewrites": [rewrite.name for rewrite in rewrites],
        **quantization.request_entry(),
        # Left out where it is off: the request is in the key of every export.
        **({"stock": True} if options.options.stock else {}),
    }
    description, request_content = f"Export {address}", _json(export)
    REQUEST_KEYS.add(description, request_content)
    sources, weights_digest, request_digest = await MultiGet(
        Get(
            LibrarySources,
            LibrarySourcesRequest(
                EXPORT_MAIN,
                (
                    declaration.builder,
                    *declaration.imports,
                    declaration.backend.lowering,
                    *declaration.rewrites,
                    *quantization.plugins,
                ),
            ),
        ),
        Get(WeightsDigest, ResolvedWeights, weights),
        Get(Digest, CreateDigest([FileContent("export_request.json", request_content)])),
    )
    inputs = await Get(
        Digest,
        MergeDigests(
            [
                sources.digest,
                weights_digest.digest,
                request_digest,
                sdk.digest,
                quantization.calibration.digest,
            ]
        ),
    )
    result = await Get(
        FallibleProcessResult,
        ToolchainRun(
            toolchain_process(
                (
                    "-m",
                    "pte_foundry.exporting.main",
                    "export_request.json",
                    "--pte",
                    "program.pte",
                    "--facts",
                    "facts.json",
                ),
                input_digest=inputs,
                output_files=("program.pte", "facts.json"),
                source_roots=sources.source_roots,
                environment=sdk.environment,
                description=description,
            ),
            ToolchainRequest(declaration.resolves, needed_by=address.spec),
            weights,
        ),
    )
    if result.exit_code != 0:
        raise PteBuildError(describe_failure(f"{address}: export failed", result))
    # The facts alone: the program itself need not be read into this process.
    facts_digest = await Get(Digest, DigestSubset(result.output_digest, PathGlobs(["facts.json"])))
    entries, contents = await MultiGet(
        Get(DigestEntries, Digest, result.output_digest),
        Get(DigestContents, Digest, facts_digest),
    )
    # Of what a cache returns, the content of these two files alone goes on, never another path.
    files = expected_files(address, entries, ("program.pte", "facts.json"))
    facts = read_object(address, "facts.json", contents[0].content)
    check_facts(address, facts, files["program.pte"])
    return ExportedProgram(
        declaration, weights, json.dumps(model), files["program.pte"], files["facts.json"]
    )


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def rules() -> Iterable[Rule | UnionRule]:
    return (*collect_rules(), ExportSubsystem.register_plugin_options(StockOption))
