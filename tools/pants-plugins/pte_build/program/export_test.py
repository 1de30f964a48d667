from __future__ import annotations

import json

import pytest
from pants.engine.addresses import Address
from pants.engine.fs import CreateDigest, DigestContents, FileDigest, FileEntry
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.errors import PteBuildError
from pte_build.program.export import ExportedProgram, ExportRequest, check_facts, failure_message
from pte_build.program.report import BuiltProgram, ProgramRequest
from pte_build.stand_in_repository import program_text
from pte_build.test_support import (
    ALPHA_FAST,
    ALPHA_SLOW,
    SEEDED,
    failure,
    make_runner,
    refusal,
    set_options,
)

GAMMA = Address("models/gamma", target_name="gamma")
BUILDER = "src/python/pte_foundry/models/gamma.py"


def test_the_librarys_own_message_is_told_and_else_all_of_stderr() -> None:
    assert failure_message("noise\npte-foundry: bad-builder: no\n") == "bad-builder: no"
    assert failure_message("Traceback: what nobody expected\n") == "Traceback: what nobody expected"


def test_facts_about_other_bytes_are_refused() -> None:
    facts = {"pte": {"sha256": "a" * 64, "size": 3}}
    check_facts(GAMMA, facts, FileDigest("a" * 64, 3))
    for other in (FileDigest("b" * 64, 3), FileDigest("a" * 64, 4)):
        with pytest.raises(PteBuildError, match="models/gamma:gamma: a cache returned"):
            check_facts(GAMMA, facts, other)


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(SEEDED, queries=(QueryRule(DigestContents, (CreateDigest,)),))


def content(runner: RuleRunner, file: FileDigest) -> bytes:
    (read,) = runner.request(DigestContents, [CreateDigest([FileEntry("file", file)])])
    return bytes(read.content)


def test_a_program_is_built_from_its_builder_its_lowering_and_its_rewrites(
    runner: RuleRunner,
) -> None:
    set_options(runner, SEEDED)
    fast = runner.request(ExportedProgram, [ExportRequest(ALPHA_FAST)])
    slow = runner.request(ExportedProgram, [ExportRequest(ALPHA_SLOW)])
    assert fast.pte != slow.pte
    request = json.loads(content(runner, fast.facts))["request"]
    assert request["lowering"] == "pte_foundry.backends.fast"
    assert request["rewrites"] == ["pte_foundry.rewrites.plain"]
    assert request["options"] == {"level": "1", "mode": "plain"}
    assert request["model"]["builder"] == "pte_foundry.models.alpha"
    assert request["model"]["weights"] == {"source": "seeded"}
    assert "alpha_fast" not in json.dumps(request)  # equal programs share their export


def declare(runner: RuleRunner, builder: str | None = None, **fields: object) -> None:
    files = {"models/gamma/BUILD": program_text("gamma", builder=[BUILDER], **fields)}
    if builder is not None:
        files[BUILDER] = builder
    runner.write_files(files)
    set_options(runner, SEEDED)


def test_an_edited_builder_gives_another_program(runner: RuleRunner) -> None:
    declare(runner, "CONTENT = 'one'\n")
    one = runner.request(ExportedProgram, [ExportRequest(GAMMA)])
    declare(runner, "CONTENT = 'two'\n")
    two = runner.request(ExportedProgram, [ExportRequest(GAMMA)])
    assert one.pte != two.pte


def test_a_failed_export_tells_the_address_and_the_librarys_message(runner: RuleRunner) -> None:
    declare(runner, "FAILURE = 'bad-input-shape: image: expected 3 channels'\n")
    told = refusal(runner, ExportedProgram, ExportRequest(GAMMA))
    assert told == (
        "models/gamma:gamma: export failed: bad-input-shape: image: expected 3 channels"
    )


def test_a_missing_builder_is_named(runner: RuleRunner) -> None:
    runner.write_files(
        {"models/gamma/BUILD": program_text("gamma", builder=["src/python/nonesuch.py"])}
    )
    set_options(runner, SEEDED)
    told = str(failure(runner, ExportedProgram, ExportRequest(GAMMA)))
    assert "nonesuch.py" in told
    assert "`builder` from the target models/gamma:gamma" in told


def test_an_unknown_resolve_is_named_with_those_that_there_are(runner: RuleRunner) -> None:
    declare(runner, "CONTENT = 'x'\n", builder_resolve="nonesuch")
    told = refusal(runner, ExportedProgram, ExportRequest(GAMMA))
    assert "models/gamma:gamma: there is no resolve 'nonesuch'" in told
    assert "dev, engine, extra" in told


def test_a_poisoned_result_is_refused(runner: RuleRunner) -> None:
    declare(runner, "CONTENT = 'x'\n", options={"poison": "yes"})
    assert "Do not trust that cache" in refusal(runner, ExportedProgram, ExportRequest(GAMMA))


def test_a_missed_floor_is_refused_with_the_address(runner: RuleRunner) -> None:
    declare(runner, "CONTENT = 'undelegated'\n", max_undelegated_operators=0)
    told = refusal(runner, BuiltProgram, ProgramRequest(GAMMA))
    assert told.startswith("models/gamma:gamma: its report was refused: delegation:")


def test_a_floor_is_no_input_of_the_export(runner: RuleRunner) -> None:
    declare(runner, "CONTENT = 'undelegated'\n", max_undelegated_operators=7)
    loose = runner.request(BuiltProgram, [ProgramRequest(GAMMA)])
    declare(runner, "CONTENT = 'undelegated'\n", max_undelegated_operators=8)
    looser = runner.request(BuiltProgram, [ProgramRequest(GAMMA)])
    assert loose.exported.pte == looser.exported.pte
    assert loose.exported.facts == looser.exported.facts
    assert loose.report != looser.report
