"""`test` on a validation: its verdict, its files, and what was skipped."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pants.core.goals.test import TestResult
from pants.engine.addresses import Address
from pants.engine.fs import DigestContents
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.stand_in_repository import chip_text, program_text, target_text
from pte_build.test_support import (
    SEEDED,
    make_runner,
    refusal,
    set_options,
    store_with_toolchain,
    write_sdk,
)
from pte_build.validation.goal import PteTestFieldSet, PteTestRequest, skip_notes


def test_skip_notes() -> None:
    cases = [
        {"name": "loads", "status": "passed", "message": ""},
        {"name": "cat.png", "status": "skipped", "message": "seeded weights"},
        {"name": "parity", "status": "failed", "message": "cosine 0.1"},
    ]
    notes = skip_notes(json.dumps({"cases": cases}).encode())
    assert notes == ["cat.png: seeded weights"]


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    queries = (QueryRule(TestResult, (PteTestRequest.Batch,)),)
    return make_runner(SEEDED, store=store_with_toolchain(), queries=queries)


def batch(runner: RuleRunner, test: Address) -> PteTestRequest.Batch:  # type: ignore[type-arg]
    field_set = PteTestFieldSet.create(runner.get_target(test))
    return PteTestRequest.Batch("", (field_set,), partition_metadata=None)


def test_a_passing_validation(runner: RuleRunner, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    test = Address("models/alpha", target_name="alpha_fast_test")
    result = runner.request(TestResult, [batch(runner, test)])
    assert result.exit_code == 0
    assert result.addresses == (test,)
    assert "passed parity" in result.stdout
    assert result.xml_results is not None
    assert result.xml_results.files == ("models.alpha.alpha_fast_test.xml",)
    assert result.extra_output is not None
    assert result.extra_output.files == ("alpha_fast.validation.json",)
    assert "models/alpha:alpha_fast_test skipped: task: seeded weights" in caplog.text


def declare(runner: RuleRunner, **fields: object) -> Address:
    """A test with these fields of a program that fails its validation."""
    builder = ["src/python/pte_foundry/models/wrong.py"]
    test = target_text("pte_test", "p_test", **fields)
    runner.write_files({"bad/BUILD": program_text("p", builder=builder) + test})
    return Address("bad", target_name="p_test")


def test_a_failing_validation(runner: RuleRunner) -> None:
    result = runner.request(TestResult, [batch(runner, declare(runner, program=[":p"]))])
    assert result.exit_code == 1
    assert "failed parity cosine 0.1" in result.stdout
    assert result.xml_results is not None and result.extra_output is not None


def test_a_test_of_several_programs(runner: RuleRunner) -> None:
    test = declare(runner, program=[":p", "models/alpha:alpha_fast"])
    message = refusal(runner, TestResult, batch(runner, test))
    assert message.startswith("bad:p_test: `program` must name exactly one target")


def test_a_program_that_cannot_be_built_fails_its_test(runner: RuleRunner) -> None:
    builder = ["src/python/pte_foundry/models/refusing.py"]
    test = target_text("pte_test", "p_test", program=[":p"])
    runner.write_files({"bad/BUILD": program_text("p", builder=builder) + test})
    result = runner.request(TestResult, [batch(runner, Address("bad", target_name="p_test"))])
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "bad:p: export failed: bad-input-shape: image is float32[1,4]: give it 3 channels\n"
    )
    assert result.stderr.endswith(
        "Traceback or warnings come first\n    pte-foundry: bad-input-shape: "
        "image is float32[1,4]: give it 3 channels\n"
    )
    assert (result.xml_results, result.extra_output) == (None, None)


GAMMA_TEST = Address("models/gamma", target_name="gamma_chip_test")


def test_an_unavailable_program_is_skipped_with_its_reason(
    runner: RuleRunner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    runner.write_files({"models/gamma/BUILD": chip_text()})
    set_options(runner, SEEDED, "test", "models/gamma::")
    result = runner.request(TestResult, [batch(runner, GAMMA_TEST)])
    assert result.exit_code is None
    assert result.xml_results is not None
    (file,) = runner.request(DigestContents, [result.xml_results.digest])
    assert file.path == "models.gamma.gamma_chip_test.xml"
    (suite,) = ElementTree.fromstring(file.content)
    (case,) = suite
    assert (suite.get("name"), suite.get("skipped")) == (GAMMA_TEST.spec, "1")
    assert (
        "[qnn] sdk_root is not set" in (case[0].get("message") or "") and case[0].tag == "skipped"
    )
    note = (
        "models/gamma:gamma_chip_test skipped: models/gamma:gamma_chip is unavailable: "
        "[qnn] sdk_root is not set"
    )
    assert note in caplog.text
    caplog.clear()
    # In the next session too, although nothing has changed.
    set_options(runner, SEEDED, "test", "models/gamma::")
    runner.request(TestResult, [batch(runner, GAMMA_TEST)])
    assert note in caplog.text


def test_an_unavailable_program_fails_a_test_that_is_named(runner: RuleRunner) -> None:
    runner.write_files({"models/gamma/BUILD": chip_text()})
    set_options(runner, SEEDED, "test", "models/gamma:gamma_chip_test")
    result = runner.request(TestResult, [batch(runner, GAMMA_TEST)])
    assert result.exit_code == 1
    assert result.stderr.startswith("models/gamma:gamma_chip is unavailable: [qnn] sdk_root")
    assert "--qnn-sdk-root" in result.stderr


def test_the_validation_finds_the_sdk(runner: RuleRunner, tmp_path: Path) -> None:
    """The runtime of the toolchain loads the delegate's libraries from it."""
    runner.write_files({"models/gamma/BUILD": chip_text()})
    set_options(runner, SEEDED, write_sdk(tmp_path))
    result = runner.request(TestResult, [batch(runner, GAMMA_TEST)])
    assert result.exit_code == 0
    assert result.extra_output is not None
    (file,) = runner.request(DigestContents, [result.extra_output.digest])
    assert json.loads(file.content)["sdk"] == ["libQnnHtp.so", "libc++.so.1"]


def test_a_validation_that_crashes_fails_its_test(runner: RuleRunner) -> None:
    main = "src/python/pte_foundry/validation/main.py"
    runner.write_files({main: "import os\nprint('loading', flush=True)\nos.abort()\n"})
    result = runner.request(TestResult, [batch(runner, declare(runner, program=[":p"]))])
    assert result.exit_code == 1
    assert result.stderr.startswith("bad:p_test: validation failed: it crashed with SIGABRT\n\n")
    assert "    loading\n" in result.stderr
