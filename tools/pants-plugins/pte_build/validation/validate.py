"""Validate one built program, on its very bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import (
    EMPTY_DIGEST,
    CreateDigest,
    Digest,
    DigestContents,
    DigestEntries,
    DigestSubset,
    FileContent,
    FileDigest,
    FileEntry,
    MergeDigests,
    PathGlobs,
)
from pants.engine.process import FallibleProcessResult
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule

from pte_build.cache_entry import read_object, wrong_cache_entry
from pte_build.choices import Choices
from pte_build.errors import PteBuildError
from pte_build.library.sources import (
    VALIDATION_MAIN,
    LibrarySources,
    LibrarySourcesRequest,
    Module,
    ModuleRequest,
)
from pte_build.pictures.photographs import FOLDER, Photographs, PhotographsRequest
from pte_build.process_failure import describe_failure
from pte_build.program.report import BuiltProgram, ProgramRequest
from pte_build.progress.stage_files import REQUEST_KEYS
from pte_build.result_cache.toolchain_run import ToolchainRun
from pte_build.sdk.files import Sdk, SdkRequest
from pte_build.toolchain.locks import ToolchainRequest
from pte_build.toolchain.process import toolchain_process
from pte_build.validation.quantized_export import QuantizedExport, QuantizedExportRequest
from pte_build.weights.presence import WeightsDigest
from pte_build.weights.resolution import ResolvedWeights


@dataclass(frozen=True)
class ProgramValidationRequest(EngineAwareParameter):
    program: Address
    choices: Choices = Choices.SESSION

    def debug_hint(self) -> str:
        return self.program.spec


@dataclass(frozen=True)
class Validation:
    """`result` has the process's output files `validation.json` and `junit.xml`, whatever the verdict."""

    program: BuiltProgram
    test: Address
    result: FallibleProcessResult

    @property
    def passed(self) -> bool:
        return self.result.exit_code == 0


def check_verdict(test: Address, contents: DigestContents, exit_code: int, pte: FileDigest) -> None:
    """Raises PteBuildError for a verdict about other bytes, or one that its exit code contradicts."""
    # None if the name is that of a folder or of a link.
    content = next((file.content for file in contents if file.path == "validation.json"), b"")
    result = read_object(test, "validation.json", content)
    if result.get("pte_sha256") != pte.fingerprint:
        raise wrong_cache_entry(
            test,
            f"the verdict on a .pte with sha256 {result.get('pte_sha256')}, but {pte.fingerprint} was to be validated",
        )
    verdict = "passed" if exit_code == 0 else "failed"
    if result.get("verdict") != verdict:
        raise wrong_cache_entry(
            test, f"the verdict {result.get('verdict')!r} with exit code {exit_code}"
        )


@rule
async def validate_program(request: ProgramValidationRequest) -> Validation:
    built = await Get(BuiltProgram, ProgramRequest(request.program, request.choices))
    declaration, checks = built.declaration, built.checks
    if checks is None:
        raise PteBuildError(
            f"{request.program}: it has no test. Declare a `pte_test` called "
            f"`{request.program.target_name}_test` in the same BUILD file (the macro `pte_model` "
            "does it); what nobody validates gets into no index."
        )
    photographs = Photographs(EMPTY_DIGEST, ())
    if checks.photographs is not None:
        photographs = await Get(Photographs, PhotographsRequest(checks.photographs, checks.address))
    unknown = set(checks.expected_labels) - set(photographs.names)
    if unknown:
        raise PteBuildError(
            f"{checks.address}: `expected_labels` names photographs that its `photographs` has not: "
            f"{', '.join(sorted(unknown))}; there are: {', '.join(photographs.names) or 'none'}."
        )
    if checks.trained and not photographs.names:
        raise PteBuildError(
            f"{checks.address}: `{'`, `'.join(checks.trained)}` compare predictions on photographs, and it has "
            "none. Name a set in `photographs`."
        )
    if declaration.quantization is not None and not photographs.names:
        raise PteBuildError(
            f"{checks.address}: it has no photographs, and {request.program} is quantized: parity of such a program "
            "is judged on photographs, because random inputs are outside of what its calibration has seen. Name a "
            "set in `photographs`."
        )
    export = await Get(QuantizedExport, QuantizedExportRequest(declaration))
    # The weights of a payload are compared with those of the rewritten model.
    plugins = [declaration.builder, *declaration.imports, *declaration.rewrites, *export.plugins]
    interpreter = None
    if declaration.backend.interpreter is not None:
        file = declaration.backend.interpreter
        module = await Get(Module, ModuleRequest(file, declaration.backend.address, "interpreter"))
        plugins.append(file)
        interpreter = module.name
    validation = {
        "address": checks.address.spec,
        "model": json.loads(built.exported.model_request),
        "pte": "program.pte",
        "report": "report.json",
        "labels": built.labels and built.labels.name,
        "photographs": {
            f"{FOLDER}/{name}": checks.expected_labels.get(name) for name in photographs.names
        },
        "quantized_export": export.request_entry(),
        "interpreter": interpreter,
        "limits": checks.limits_as_json(),
    }
    description = f"Validate {request.program}"
    request_content = (json.dumps(validation, indent=2) + "\n").encode()
    REQUEST_KEYS.add(description, request_content)
    sources, weights_digest, files, sdk = await MultiGet(
        Get(LibrarySources, LibrarySourcesRequest(VALIDATION_MAIN, tuple(plugins))),
        Get(WeightsDigest, ResolvedWeights, built.exported.weights),
        Get(
            Digest,
            CreateDigest(
                [
                    FileContent("validation_request.json", request_content),
                    FileEntry("program.pte", built.exported.pte),
                    FileEntry("report.json", built.report),
                    *(
                        (FileEntry(built.labels.name, built.labels.content),)
                        if built.labels
                        else ()
                    ),
                ]
            ),
        ),
        # The runtime loads the delegate's own libraries from it.
        Get(Sdk, SdkRequest(declaration.backend.sdk, request.program)),
    )
    inputs = await Get(
        Digest,
        MergeDigests(
            [
                sources.digest,
                weights_digest.digest,
                files,
                photographs.digest,
                export.calibration_digest,
                sdk.digest,
            ]
        ),
    )
    result = await Get(
        FallibleProcessResult,
        ToolchainRun(
            toolchain_process(
                (
                    "-m",
                    "pte_foundry.validation.main",
                    "validation_request.json",
                    "--result",
                    "validation.json",
                    "--junit",
                    "junit.xml",
                ),
                input_digest=inputs,
                output_files=("validation.json", "junit.xml"),
                source_roots=sources.source_roots,
                environment=sdk.environment,
                description=description,
                timeout_seconds=checks.timeout,
            ),
            ToolchainRequest(declaration.resolves, needed_by=checks.address.spec),
            built.exported.weights,
        ),
    )
    entries = await Get(DigestEntries, Digest, result.output_digest)
    if not any(entry.path == "validation.json" for entry in entries):
        raise PteBuildError(describe_failure(f"{checks.address}: validation failed", result))
    verdict_digest = await Get(
        Digest, DigestSubset(result.output_digest, PathGlobs(["validation.json"]))
    )
    contents = await Get(DigestContents, Digest, verdict_digest)
    check_verdict(checks.address, contents, result.exit_code, built.exported.pte)
    return Validation(built, checks.address, result)


def rules() -> Iterable[Rule]:
    return collect_rules()
