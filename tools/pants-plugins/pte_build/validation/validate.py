"""Validate one built program, on its very bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

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
from pants.engine.rules import Get, Rule, collect_rules, rule

from pte_build.cache_entry import read_object, wrong_cache_entry
from pte_build.choices import Choices
from pte_build.errors import PteBuildError
from pte_build.library.run_main import MainResult, MainRun, request_file
from pte_build.pictures.calibration import flatten
from pte_build.pictures.photographs import FOLDER, Photographs, PhotographsRequest
from pte_build.pictures.samples import FOLDER as SAMPLES_FOLDER
from pte_build.pictures.samples import Samples, SamplesRequest
from pte_build.process_failure import describe_failure
from pte_build.program.checks import ProgramTest
from pte_build.program.declaration import ProgramDeclaration
from pte_build.program.report import BuiltProgram, ProgramRequest
from pte_build.sdk.files import Sdk, SdkRequest
from pte_build.sources import VALIDATION_MAIN, Module, ModuleRequest
from pte_build.toolchain.locks import ToolchainRequest
from pte_foundry.records.validation_request import QuantizedExportFiles, RequestedValidation


@dataclass(frozen=True)
class ProgramValidationRequest(EngineAwareParameter):
    program: Address
    choices: Choices = Choices.SESSION

    def debug_hint(self) -> str:
        return self.program.spec


@dataclass(frozen=True)
class Validation:
    """`result` has the output files `validation.json` and, usually, `junit.xml`, whatever the verdict."""

    program: BuiltProgram
    test: Address
    result: MainResult

    @property
    def passed(self) -> bool:
        return self.result.process.exit_code == 0


def check_verdict(test: Address, content: bytes, exit_code: int, pte: FileDigest) -> None:
    """Raises PteBuildError for a verdict about other bytes, or one that its exit code contradicts."""
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
    declaration, test = built.declaration, built.test
    if test is None:
        raise PteBuildError(
            f"{request.program}: it has no test. Declare a `pte_test` called "
            f"`{request.program.target_name}_test` in the same BUILD file (the macro `pte_model` "
            "does it); a program without one gets into no index."
        )
    photographs = Photographs(EMPTY_DIGEST, ())
    if test.photographs is not None:
        photographs = await Get(Photographs, PhotographsRequest(test.photographs, test.address))
    samples: dict[str, FileDigest] = {}
    if test.samples is not None:
        found = await Get(Samples, SamplesRequest(test.samples, test.address))
        samples = flatten(test.samples, found.files, SAMPLES_FOLDER, "samples")
    check_inputs(test, declaration, photographs, bool(samples))
    exported = built.exported
    quantization = exported.request.quantization
    plugins, interpreter = list(declaration.plugins), None
    if declaration.backend.interpreter is not None:
        file = declaration.backend.interpreter
        module = await Get(Module, ModuleRequest(file, declaration.backend.address, "interpreter"))
        plugins.append(file)
        interpreter = module.name
    validation = RequestedValidation(
        address=test.address.spec,
        model=exported.request.model,
        pte="program.pte",
        report="report.json",
        labels=built.labels.name if built.labels else None,
        photographs={
            f"{FOLDER}/{name}": test.checks.photographs.get(name) for name in photographs.names
        },
        # Where the machine cannot execute a program's delegate, the quantized graph runs in torch instead.
        quantized_export=(
            QuantizedExportFiles(exported.request.rewrites, quantization) if quantization else None
        ),
        interpreter=interpreter,
        limits=test.limits,
        samples=tuple(samples),
    )
    labels = (FileEntry(built.labels.name, built.labels.content),) if built.labels else ()
    # The runtime loads the delegate's own libraries from it.
    sdk = await Get(Sdk, SdkRequest(declaration.backend.sdk, request.program))
    result = await Get(
        MainResult,
        MainRun(
            VALIDATION_MAIN,
            request_file("validation_request.json", validation),
            ("--result", "validation.json", "--junit", "junit.xml"),
            owner=test.address,
            failed="validation failed",
            description=f"Validate {request.program}",
            output_files=("validation.json", "junit.xml"),
            files=(
                FileEntry("program.pte", exported.pte),
                FileEntry("report.json", built.report),
                *labels,
                *(FileEntry(path, content) for path, content in samples.items()),
                *exported.weights.files(),
            ),
            inputs=(photographs.digest, exported.pictures, sdk.digest),
            plugins=tuple(plugins),
            toolchain=ToolchainRequest(declaration.resolves, needed_by=test.address.spec),
            weights=exported.weights,
            environment=sdk.environment,
            timeout_seconds=test.timeout,
            may_fail=True,
            remote=True,
        ),
    )
    verdict = result.files.get("validation.json")
    if verdict is None:
        raise PteBuildError(describe_failure(f"{test.address}: validation failed", result.process))
    verdict_digest = await Get(Digest, CreateDigest([FileEntry("validation.json", verdict)]))
    contents = await Get(DigestContents, Digest, verdict_digest)
    check_verdict(test.address, contents[0].content, result.process.exit_code, exported.pte)
    return Validation(built, test.address, result)


def check_inputs(
    test: ProgramTest, declaration: ProgramDeclaration, photographs: Photographs, has_samples: bool
) -> None:
    """Raises PteBuildError for a test that lacks photographs or samples that it needs."""
    if unknown := set(test.checks.photographs) - set(photographs.names):
        raise PteBuildError(
            f"{test.address}: `expected_labels` names photographs that its `photographs` lacks: "
            f"{', '.join(sorted(unknown))}. It has: {', '.join(photographs.names) or 'none'}."
        )
    if photographs.names or has_samples:
        return
    if test.checks.trained is not None:
        named = "`, `".join(
            name for name, value in asdict(test.checks.trained).items() if value is not None
        )
        raise PteBuildError(
            f"{test.address}: it has no photographs on which to compare predictions (`{named}`). Name a set in "
            "`photographs`, or, for a model that takes no pictures, in `samples`."
        )
    quantization = declaration.quantization
    if quantization is not None and quantization.calibration is not None:
        raise PteBuildError(
            f"{test.address}: it has no photographs, but {declaration.address} is calibrated on "
            f"{quantization.calibration}: its parity is judged on such inputs, because its calibration has not seen "
            "random ones. Name a set in `photographs`, or, for a model that takes no pictures, in `samples`."
        )


def rules() -> Iterable[Rule]:
    return collect_rules()
