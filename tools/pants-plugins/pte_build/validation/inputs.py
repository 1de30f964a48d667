"""What a process gets that runs a built program as its test says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import EMPTY_DIGEST, Digest, FileDigest, FileEntry
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.util.frozendict import FrozenDict

from pte_build.choices import Choices
from pte_build.errors import PteBuildError
from pte_build.library.run_main import MainRun, request_file
from pte_build.pictures.calibration import flatten
from pte_build.pictures.photographs import FOLDER, Photographs, PhotographsRequest
from pte_build.pictures.samples import FOLDER as SAMPLES_FOLDER
from pte_build.pictures.samples import Samples, SamplesRequest
from pte_build.program.checks import ProgramTest
from pte_build.program.declaration import ProgramDeclaration
from pte_build.program.report import BuiltProgram, ProgramRequest
from pte_build.sdk.files import Sdk, SdkRequest
from pte_build.sources import Module, ModuleRequest
from pte_build.toolchain.locks import ToolchainRequest
from pte_foundry.records.validation_request import QuantizedExportFiles, RequestedValidation


@dataclass(frozen=True)
class TestInputsRequest(EngineAwareParameter):
    program: Address
    choices: Choices = Choices.SESSION
    __test__ = False

    def debug_hint(self) -> str:
        return self.program.spec


@dataclass(frozen=True)
class TestInputs:
    """`request` is written as `validation_request.json`, and names the files."""

    built: BuiltProgram
    test: ProgramTest
    request: RequestedValidation
    photographs: Digest
    samples: FrozenDict[str, FileDigest]
    sdk: Sdk
    plugins: tuple[Address, ...]
    __test__ = False

    def run(
        self, main: str, arguments: tuple[str, ...], failed: str, description: str, **more: object
    ) -> MainRun:
        """The run of an entry module of the library on them; `more` are fields of the run."""
        exported, labels = self.built.exported, self.built.labels
        declaration = self.built.declaration
        return MainRun(
            main,
            request_file("validation_request.json", self.request),
            arguments,
            owner=self.test.address,
            failed=failed,
            description=description,
            files=(
                FileEntry("program.pte", exported.pte),
                FileEntry("report.json", self.built.report),
                *((FileEntry(labels.name, labels.content),) if labels else ()),
                *(FileEntry(path, content) for path, content in self.samples.items()),
                *exported.weights.files(),
            ),
            inputs=(self.photographs, exported.pictures, self.sdk.digest),
            plugins=self.plugins,
            toolchain=ToolchainRequest(declaration.resolves, needed_by=self.test.address.spec),
            weights=exported.weights,
            environment=self.sdk.environment,
            timeout_seconds=self.test.timeout,
            remote=True,
            **more,  # type: ignore[arg-type]
        )


@rule
async def gather_test_inputs(request: TestInputsRequest) -> TestInputs:
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
    # The runtime loads the delegate's own libraries from it.
    sdk = await Get(Sdk, SdkRequest(declaration.backend.sdk, request.program))
    asked = RequestedValidation(
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
    return TestInputs(
        built, test, asked, photographs.digest, FrozenDict(samples), sdk, tuple(plugins)
    )


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
