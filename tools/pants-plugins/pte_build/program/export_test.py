"""Exports: what comes of them, and how their failures are reported."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from pants.engine.addresses import Address
from pants.engine.fs import FileDigest
from pants.testutil.rule_runner import RuleRunner

from pte_build.errors import PteBuildError
from pte_build.program.export import ExportedProgram, ExportedProgramRequest, check_facts
from pte_build.stand_in_repository import chip_text, program_text
from pte_build.test_support import (
    ALPHA_FAST,
    GAMMA_CHIP,
    SEEDED,
    make_runner,
    read_json,
    refusal,
    set_options,
    store_with_toolchain,
    write_sdk,
)

MODELS = "src/python/pte_foundry/models"


@pytest.mark.parametrize(
    ("sha256", "size", "accepted"),
    [("0a" * 32, 7, True), ("0b" * 32, 7, False), ("0a" * 32, 8, False)],
)
def test_check_facts(sha256: str, size: int, accepted: bool) -> None:
    facts = {"pte": {"sha256": "0a" * 32, "size": 7}}
    pte = FileDigest(sha256, size)
    if accepted:
        check_facts(ALPHA_FAST, facts, pte)
        return
    with pytest.raises(PteBuildError) as caught:
        check_facts(ALPHA_FAST, facts, pte)
    message = str(caught.value)
    assert message.startswith("models/alpha:alpha_fast: a cache returned a .pte")
    assert f"{sha256} and {size} bytes" in message
    assert f"{'0a' * 32} and 7 bytes" in message


@pytest.mark.parametrize("facts", [{}, {"pte": None}, {"pte": "0a" * 32}, {"pte": {"size": 7}}])
def test_facts_without_the_hash_of_the_bytes(facts: dict[str, Any]) -> None:
    with pytest.raises(PteBuildError, match="a cache returned a .pte"):
        check_facts(ALPHA_FAST, facts, FileDigest("0a" * 32, 7))


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(SEEDED, store=store_with_toolchain())


def test_the_option_for_stock_exports(runner: RuleRunner) -> None:
    try:
        set_options(runner, SEEDED, "--export-stock")
        exported = runner.request(ExportedProgram, [ExportedProgramRequest(ALPHA_FAST)])
    finally:
        set_options(runner, SEEDED)
    assert read_json(runner, exported.facts)["request"]["stock"] is True


def test_the_process_finds_the_sdk(runner: RuleRunner, tmp_path: Path) -> None:
    runner.write_files({"models/gamma/BUILD": chip_text()})
    set_options(runner, SEEDED, write_sdk(tmp_path, version="2.37.3"))
    exported = runner.request(ExportedProgram, [ExportedProgramRequest(GAMMA_CHIP)])
    assert read_json(runner, exported.facts)["versions"] == {"qnn_sdk": "2.37.3"}


def test_without_its_sdk_a_program_is_refused(runner: RuleRunner) -> None:
    runner.write_files({"models/gamma/BUILD": chip_text()})
    set_options(runner, SEEDED)
    message = refusal(runner, ExportedProgram, ExportedProgramRequest(GAMMA_CHIP))
    assert message.startswith("models/gamma:gamma_chip is unavailable: [qnn] sdk_root is not set")


def test_an_unavailable_program_is_refused(runner: RuleRunner) -> None:
    message = refusal(runner, ExportedProgram, export(runner, unavailable="it is too slow"))
    assert message.startswith("bad:p is unavailable: it is too slow. Its BUILD file says so;")


def test_an_exported_program(runner: RuleRunner) -> None:
    exported = runner.request(ExportedProgram, [ExportedProgramRequest(ALPHA_FAST)])
    content, lowering, _, rewrites, precision = read_json(runner, exported.pte)
    assert (content, lowering, rewrites, precision) == ("alpha", "fast", ["plain"], "fp32")
    model = {
        "name": "alpha",
        "builder": "pte_foundry.models.alpha",
        "inputs": {"image": "float32[1,3,8,8]"},
        "weights": {"source": "seeded"},
    }
    assert exported.request.model.to_json() == model
    assert read_json(runner, exported.facts)["request"] == {
        "model": model,
        "backend": "fast",
        "lowering": "pte_foundry.backends.fast",
        "precision": "fp32",
        "options": {"level": "1", "mode": "plain"},
        "rewrites": ["pte_foundry.rewrites.plain"],
        "labels_sha256": hashlib.sha256(b"cat\ncup").hexdigest(),
    }


def test_a_program_without_labels_states_none(runner: RuleRunner) -> None:
    exported = runner.request(ExportedProgram, [export(runner)])
    assert exported.request.labels_sha256 is None
    assert "labels_sha256" not in read_json(runner, exported.facts)["request"]


def export(runner: RuleRunner, **fields: object) -> ExportedProgramRequest:
    """The request for a program that has these fields."""
    runner.write_files({"bad/BUILD": program_text("p", **fields)})
    return ExportedProgramRequest(Address("bad", target_name="p"))


def test_the_library_refuses(runner: RuleRunner) -> None:
    request = export(runner, builder=[f"{MODELS}/refusing.py"])
    message = refusal(runner, ExportedProgram, request)
    cause, _, log = message.partition("\n\nThe whole log of the process:\n\n")
    assert cause == (
        "bad:p: export failed: bad-input-shape: image is float32[1,4]: give it 3 channels"
    )
    assert "Traceback or warnings come first" in log


def test_a_builder_that_breaks(runner: RuleRunner) -> None:
    runner.write_files({f"{MODELS}/breaking.py": "raise KeyError('a layer')\n"})
    message = refusal(runner, ExportedProgram, export(runner, builder=[f"{MODELS}/breaking.py"]))
    assert message.startswith("bad:p: export failed: KeyError: 'a layer'\n\n")
    assert "models/breaking.py" in message


def test_an_export_that_is_killed(runner: RuleRunner) -> None:
    text = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    runner.write_files({f"{MODELS}/large.py": text})
    message = refusal(runner, ExportedProgram, export(runner, builder=[f"{MODELS}/large.py"]))
    assert message.startswith("bad:p: export failed: it was killed by SIGKILL, most likely for ")


def test_a_builder_that_does_not_exist(runner: RuleRunner) -> None:
    with pytest.raises(Exception, match=f"{MODELS}/nonesuch.py"):
        runner.request(ExportedProgram, [export(runner, builder=[f"{MODELS}/nonesuch.py"])])


def test_a_poisoned_result(runner: RuleRunner) -> None:
    message = refusal(runner, ExportedProgram, export(runner, options={"poison": "yes"}))
    assert message.startswith("bad:p: a cache returned a .pte with sha256 ")


def test_an_unpinned_checkpoint(runner: RuleRunner) -> None:
    other = make_runner()
    request = ExportedProgramRequest(Address("models/beta", target_name="beta_slow"))
    message = refusal(other, ExportedProgram, request)
    assert message.startswith("models/beta:beta_slow: its checkpoint models/beta:beta_weights")
    assert "./foundry pin models/beta:beta_weights" in message


def test_equal_programs_share_their_export(runner: RuleRunner) -> None:
    """Neither the address nor the floor is an input; only the report states them."""
    loose = runner.request(ExportedProgram, [export(runner, max_undelegated_operators=7)])
    strict = runner.request(ExportedProgram, [export(runner, max_undelegated_operators=8)])
    runner.write_files({"more/BUILD": program_text("q")})
    other = runner.request(
        ExportedProgram, [ExportedProgramRequest(Address("more", target_name="q"))]
    )
    assert strict.declaration.floor != loose.declaration.floor
    assert (loose.pte, loose.facts) == (strict.pte, strict.facts) == (other.pte, other.facts)


def test_an_edited_builder_gives_another_program(runner: RuleRunner) -> None:
    builder = f"{MODELS}/edited.py"
    exported = []
    for content in ("one", "two", "one"):
        runner.write_files({builder: f"CONTENT = '{content}'\n"})
        set_options(runner, SEEDED)
        exported.append(runner.request(ExportedProgram, [export(runner, builder=[builder])]).pte)
    assert exported[0] == exported[2] != exported[1]


def test_an_unknown_resolve(runner: RuleRunner) -> None:
    request = export(runner, builder_resolve="nonesuch")
    message = refusal(runner, ExportedProgram, request)
    assert message.startswith("bad:p: there is no resolve 'nonesuch'")
