"""What an index lists as unavailable instead of failing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.aggregate.conditions import Conditions, ConditionsRequest
from pte_build.aggregate.index import BuiltIndex, BuiltIndexRequest
from pte_build.program.export import ExportedProgram, ExportedProgramRequest
from pte_build.stand_in_repository import CHECKPOINT, chip_text, program_text
from pte_build.test_support import (
    ALPHA_FAST,
    BETA_SLOW,
    GAMMA_CHIP,
    SEEDED,
    make_runner,
    read_json,
    refusal,
    set_options,
    store_with_toolchain,
    write_sdk,
)

INDEX = Address("", target_name="index")
ALL = (GAMMA_CHIP, ALPHA_FAST, BETA_SLOW)
UNPINNED = "--index-allow-unpinned"
NO_SDK = "[qnn] sdk_root is not set, and it needs the Qualcomm AI Engine Direct SDK 2.37"
NO_PIN = "its checkpoint models/beta:beta_weights is not pinned"


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    queries = (QueryRule(Conditions, (ConditionsRequest,)),)
    runner = make_runner(store=store_with_toolchain(), queries=queries)
    runner.write_files({"models/gamma/BUILD": chip_text()})
    return runner


def reasons(runner: RuleRunner, *options: str) -> dict[Address, str | None]:
    set_options(runner, *options)
    found = runner.request(Conditions, [ConditionsRequest(ALL)])
    unavailable = {each.declaration.address: each.reason for each in found.unavailable}
    assert set(found.available) == set(ALL) - set(unavailable)
    return unavailable


def test_only_declared_conditions_and_only_if_they_are_allowed(
    runner: RuleRunner, tmp_path: Path
) -> None:
    sdk = write_sdk(tmp_path)
    assert reasons(runner) == {GAMMA_CHIP: NO_SDK}
    assert reasons(runner, UNPINNED) == {GAMMA_CHIP: NO_SDK, BETA_SLOW: NO_PIN}
    assert reasons(runner, sdk, UNPINNED) == {BETA_SLOW: NO_PIN}
    assert reasons(runner, sdk, UNPINNED, SEEDED) == {}


def test_a_substitute_makes_an_unpinned_checkpoint_available(
    runner: RuleRunner, tmp_path: Path
) -> None:
    entry = {"file": "b.pth", "sha256": "0a" * 32, "size": 1, "description": "tuned"}
    (tmp_path / "map.json").write_text(json.dumps({"models/beta:beta_weights": entry}))
    option = f"--weights-substitutes={tmp_path / 'map.json'}"
    assert reasons(runner, UNPINNED, option) == {GAMMA_CHIP: NO_SDK}


def test_the_log_has_one_line_for_each_reason(runner: RuleRunner) -> None:
    set_options(runner, UNPINNED)
    found = runner.request(Conditions, [ConditionsRequest(ALL)])
    assert found.summary() == (f"  1 unavailable: {NO_SDK}", f"  1 unavailable: {NO_PIN}")


def index_request(runner: RuleRunner) -> Any:
    """What the library's index writer was asked to write."""
    index = runner.request(BuiltIndex, [BuiltIndexRequest(INDEX, INDEX)])
    return read_json(runner, index.content)["request"]


def test_the_request_to_the_index_writer(runner: RuleRunner, tmp_path: Path) -> None:
    (tmp_path / "alpha.pth").write_bytes(CHECKPOINT)
    set_options(runner, UNPINNED, f"--weights-distdirs={tmp_path}")
    request = index_request(runner)
    assert [artifact["path"] for artifact in request["artifacts"]] == [
        "alpha/alpha_fast.pte",
        "alpha/alpha_slow.pte",
    ]
    assert request["unavailable"] == [
        {
            "address": "models/beta:beta_slow",
            "model": "beta",
            "backend": "slow",
            "precision": "fp32",
            "reason": NO_PIN,
        },
        {
            "address": "models/gamma:gamma_chip",
            "model": "alpha",
            "backend": "chip",
            "precision": "fp32",
            "reason": NO_SDK,
        },
    ]


def test_without_the_option_an_unpinned_checkpoint_fails_the_index(
    runner: RuleRunner, tmp_path: Path
) -> None:
    (tmp_path / "alpha.pth").write_bytes(CHECKPOINT)
    set_options(runner, f"--weights-distdirs={tmp_path}")
    message = refusal(runner, BuiltIndex, BuiltIndexRequest(INDEX, INDEX))
    assert message.startswith("models/beta:beta_slow: its checkpoint models/beta:beta_weights")


def test_the_option_changes_nothing_for_a_requested_program(runner: RuleRunner) -> None:
    set_options(runner, UNPINNED)
    message = refusal(runner, ExportedProgram, ExportedProgramRequest(BETA_SLOW))
    assert "./foundry pin models/beta:beta_weights" in message


def test_a_declared_reason_is_listed_and_its_precision_with_it(
    runner: RuleRunner, tmp_path: Path
) -> None:
    text = program_text("shut_int8_fast", model="shut", precision="int8", unavailable="too slow")
    runner.write_files({"models/shut/BUILD": text})
    set_options(runner, SEEDED, write_sdk(tmp_path))
    (found,) = index_request(runner)["unavailable"]
    runner.write_files({"models/shut/BUILD": ""})
    assert found == {
        "address": "models/shut:shut_int8_fast",
        "model": "shut",
        "backend": "fast",
        "precision": "int8",
        "reason": "too slow",
    }


def test_with_its_sdk_a_program_is_in_the_index(runner: RuleRunner, tmp_path: Path) -> None:
    set_options(runner, SEEDED, write_sdk(tmp_path))
    request = index_request(runner)
    assert "gamma/gamma_chip.pte" in [artifact["path"] for artifact in request["artifacts"]]
    assert request["unavailable"] == []


def test_a_bad_sdk_fails_the_index(runner: RuleRunner) -> None:
    set_options(runner, SEEDED, "--qnn-sdk-root=/nonexistent")
    message = refusal(runner, BuiltIndex, BuiltIndexRequest(INDEX, INDEX))
    assert message.startswith("models/gamma:gamma_chip: [qnn] sdk_root is /nonexistent")
