"""Validate one built program, on its very bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import CreateDigest, Digest, DigestContents, FileDigest, FileEntry
from pants.engine.rules import Get, Rule, collect_rules, rule

from pte_build.cache_entry import read_object, wrong_cache_entry
from pte_build.choices import Choices
from pte_build.errors import PteBuildError
from pte_build.library.run_main import MainResult, MainRun
from pte_build.process_failure import describe_failure
from pte_build.program.report import BuiltProgram
from pte_build.sources import VALIDATION_MAIN
from pte_build.validation.inputs import TestInputs, TestInputsRequest


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
    inputs = await Get(TestInputs, TestInputsRequest(request.program, request.choices))
    test, pte = inputs.test, inputs.built.exported.pte
    result = await Get(
        MainResult,
        MainRun,
        inputs.run(
            VALIDATION_MAIN,
            ("--result", "validation.json", "--junit", "junit.xml"),
            failed="validation failed",
            description=f"Validate {request.program}",
            output_files=("validation.json", "junit.xml"),
            may_fail=True,
        ),
    )
    verdict = result.files.get("validation.json")
    if verdict is None:
        raise PteBuildError(describe_failure(f"{test.address}: validation failed", result.process))
    verdict_digest = await Get(Digest, CreateDigest([FileEntry("validation.json", verdict)]))
    contents = await Get(DigestContents, Digest, verdict_digest)
    check_verdict(test.address, contents[0].content, result.process.exit_code, pte)
    return Validation(inputs.built, test.address, result)


def rules() -> Iterable[Rule]:
    return collect_rules()
