"""Validation: what the process is asked for, and requests that cannot be validated."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pants.engine.addresses import Address
from pants.engine.fs import DigestContents, FileDigest
from pants.testutil.rule_runner import RuleRunner

from pte_build.errors import PteBuildError
from pte_build.stand_in_repository import program_text, quantized_text, target_text
from pte_build.test_support import (
    ALPHA_FAST,
    ALPHA_SLOW,
    SEEDED,
    make_runner,
    refusal,
    store_with_toolchain,
)
from pte_build.validation.validate import ProgramValidationRequest, Validation, check_verdict


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(SEEDED, store=store_with_toolchain())


def validate(runner: RuleRunner, program: Address) -> tuple[Validation, Any]:
    """The validation and the content of its validation.json."""
    validation = runner.request(Validation, [ProgramValidationRequest(program)])
    contents = runner.request(DigestContents, [validation.result.process.output_digest])
    files = {file.path: file.content for file in contents}
    assert set(files) == {"validation.json", "junit.xml"}
    return validation, json.loads(files["validation.json"])


def test_the_request_and_its_files(runner: RuleRunner) -> None:
    validation, result = validate(runner, ALPHA_FAST)
    assert validation.passed
    assert validation.test == Address("models/alpha", target_name="alpha_fast_test")
    assert result["request"] == {
        "address": "models/alpha:alpha_fast_test",
        "model": {
            "name": "alpha",
            "builder": "pte_foundry.models.alpha",
            "inputs": {"image": "float32[1,3,8,8]"},
            "weights": {"source": "seeded"},
        },
        "pte": "program.pte",
        "report": "report.json",
        "labels": "labels.txt",
        # A photograph without an expected label is still an input.
        "photographs": {"photographs/cat.png": "cat", "photographs/cup.png": None},
        "quantized_export": None,
        "interpreter": None,
        "limits": {"seconds": 300, "memory_mb": 4096},
    }
    assert result["evidence"] == "executed"
    # On the very bytes that are packaged.
    assert result["pte_sha256"] == validation.program.exported.pte.fingerprint
    assert result["labels"] == "cat\ncup"
    assert result["photographs"] == {
        "photographs/cat.png": "pictures/cat.png " + "0" * 64,
        "photographs/cup.png": "pictures/cup.png " + "1" * 64,
    }
    assert result["report"]["declared"]["address"] == "models/alpha:alpha_fast"


def test_the_interpreter_of_the_backend(runner: RuleRunner) -> None:
    _, result = validate(runner, ALPHA_SLOW)
    assert result["request"]["interpreter"] == "pte_foundry.interpretation.slow"
    assert result["evidence"] == "interpreted"


def test_without_photographs(runner: RuleRunner) -> None:
    _, result = validate(runner, ALPHA_SLOW)
    assert result["request"]["photographs"] == {}


def test_a_quantized_program_can_be_quantized_again(runner: RuleRunner) -> None:
    fields = {"rewrites": ["src/python/pte_foundry/rewrites/special.py"]}
    runner.write_files(
        {"bad/BUILD": quantized_text("q", quantization_options={"a": "b"}, **fields)}
    )
    # The stand-in imports the rewrites and the recipe.
    validation, result = validate(runner, Address("bad", target_name="q"))
    assert validation.passed
    paths = ["calibration/cat.png", "calibration/cup.png", "calibration/dog.jpg"]
    assert result["request"]["quantized_export"] == {
        "rewrites": ["pte_foundry.rewrites.plain", "pte_foundry.rewrites.special"],
        "quantization": {
            "recipe": "pte_foundry.quantization.recipes.rounding",
            "options": {"a": "b"},
            "calibration": paths,
        },
    }
    assert list(result["calibration"]) == paths


def samples_text() -> str:
    return target_text("sample_set", "samples", sources=["s/*"])


def test_the_samples_of_a_test(runner: RuleRunner) -> None:
    program = quantized_text("q").partition("pte_test")[0]
    test = target_text("pte_test", "q_test", program=[":q"], samples=[":samples"])
    runner.write_files({"bad/BUILD": program + test + samples_text()})
    runner.write_files({"bad/s/b.npz": "two", "bad/s/a.npz": "one"})
    validation, result = validate(runner, Address("bad", target_name="q"))
    assert validation.passed
    assert result["request"]["samples"] == ["samples/a.npz", "samples/b.npz"]
    assert result["samples"] == {"samples/a.npz": "one", "samples/b.npz": "two"}
    # They are inputs of the test.
    runner.write_files({"bad/s/b.npz": "three"})
    assert (
        validate(runner, Address("bad", target_name="q"))[1]["samples"]["samples/b.npz"] == "three"
    )


def test_samples_of_another_target_type(runner: RuleRunner) -> None:
    test = target_text("pte_test", "p_test", program=[":p"], samples=["toolchains:photographs"])
    message = refusal(runner, Validation, ProgramValidationRequest(declare(runner, test)))
    assert message == (
        "bad:p_test: `samples` names toolchains:photographs, which is a `photograph_set`, not a `sample_set`."
    )


def test_what_is_calibrated_on_nothing_needs_neither(runner: RuleRunner) -> None:
    program = quantized_text("q", calibration=[]).partition("pte_test")[0]
    test = target_text("pte_test", "q_test", program=[":q"])
    runner.write_files({"bad/BUILD": program + test})
    validation, result = validate(runner, Address("bad", target_name="q"))
    assert validation.passed and "samples" not in result["request"]


def test_a_quantized_program_needs_photographs_or_samples(runner: RuleRunner) -> None:
    program = quantized_text("q").partition("pte_test")[0]
    test = target_text("pte_test", "q_test", program=[":q"])
    runner.write_files({"bad/BUILD": program + test})
    request = ProgramValidationRequest(Address("bad", target_name="q"))
    message = refusal(runner, Validation, request)
    assert message.startswith("bad:q_test: it has no photographs, but bad:q is calibrated on ")
    assert message.endswith(
        "in `photographs`, or, for a model that takes no pictures, in `samples`."
    )


PTE = FileDigest("0a" * 32, 7)
TEST = Address("models/alpha", target_name="alpha_fast_test")


def verdict(**changes: object) -> bytes:
    result = {"verdict": "passed", "pte_sha256": PTE.fingerprint, **changes}
    return json.dumps(result).encode()


def test_a_verdict_on_these_bytes_is_taken() -> None:
    check_verdict(TEST, verdict(), 0, PTE)
    check_verdict(TEST, verdict(verdict="failed"), 1, PTE)


@pytest.mark.parametrize(
    ("content", "exit_code", "expected"),
    [
        (verdict(pte_sha256="0b" * 32), 0, f"the verdict on a .pte with sha256 {'0b' * 32}, but"),
        (verdict(pte_sha256=None), 0, "the verdict on a .pte with sha256 None, but"),
        (verdict(verdict="failed"), 0, "the verdict 'failed' with exit code 0"),
        (verdict(), 1, "the verdict 'passed' with exit code 1"),
        (b"[]", 0, "that is not a JSON object"),
        (b"", 0, "that is not a JSON object"),
    ],
)
def test_a_verdict_that_no_validation_of_these_bytes_wrote(
    content: bytes, exit_code: int, expected: str
) -> None:
    with pytest.raises(PteBuildError) as caught:
        check_verdict(TEST, content, exit_code, PTE)
    assert str(caught.value).startswith("models/alpha:alpha_fast_test: a cache returned ")
    assert expected in str(caught.value)


def declare(runner: RuleRunner, *tests: str, **fields: object) -> Address:
    runner.write_files({"bad/BUILD": "".join((program_text("p", **fields), *tests))})
    return Address("bad", target_name="p")


def test_a_failed_validation_is_a_result(runner: RuleRunner) -> None:
    test = target_text("pte_test", "p_test", program=[":p"])
    program = declare(runner, test, builder=["src/python/pte_foundry/models/wrong.py"])
    validation, result = validate(runner, program)
    assert not validation.passed
    assert (result["verdict"], result["labels"]) == ("failed", None)


def test_a_program_without_test(runner: RuleRunner) -> None:
    message = refusal(runner, Validation, ProgramValidationRequest(declare(runner)))
    assert message.startswith("bad:p: it has no test. Declare a `pte_test` called `p_test`")


@pytest.mark.parametrize(
    ("photographs", "known"),
    [(["toolchains:photographs"], "cat.png, cup.png"), ([], "none")],
)
def test_an_expected_label_without_photograph(
    runner: RuleRunner, photographs: list[str], known: str
) -> None:
    labels = {"dog.png": "dog"}
    test = target_text(
        "pte_test", "p_test", program=[":p"], photographs=photographs, expected_labels=labels
    )
    message = refusal(runner, Validation, ProgramValidationRequest(declare(runner, test)))
    assert message.startswith("bad:p_test: `expected_labels` names photographs")
    assert f"dog.png. It has: {known}." in message


def test_predictions_without_photographs_to_compare_on(runner: RuleRunner) -> None:
    test = target_text("pte_test", "p_test", program=[":p"], min_top1_agreement=1.0)
    assert refusal(runner, Validation, ProgramValidationRequest(declare(runner, test))) == (
        "bad:p_test: it has no photographs on which to compare predictions (`min_top1_agreement`). Name a set in "
        "`photographs`, or, for a model that takes no pictures, in `samples`."
    )


def test_photographs_of_another_target_type(runner: RuleRunner) -> None:
    test = target_text("pte_test", "p_test", program=[":p"], photographs=["toolchains:fast"])
    message = refusal(runner, Validation, ProgramValidationRequest(declare(runner, test)))
    assert message == (
        "bad:p_test: `photographs` names toolchains:fast, which is a `pte_backend`, not a "
        "`photograph_set`."
    )


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"a/cat.png": "0" * 64, "b/cat.png": "1" * 64},
            "bad:set: two photographs have the same file name: cat.png, cat.png.",
        ),
        (
            {"a/cat.png": "missing"},
            "bad:set: not extracted: bad-photograph: a/cat.png is not in the package",
        ),
    ],
    ids=["same name", "not in the package"],
)
def test_photographs_that_cannot_be_extracted(
    runner: RuleRunner, files: dict[str, str], expected: str
) -> None:
    program = declare(
        runner,
        target_text("pte_test", "p_test", program=[":p"], photographs=[":set"]),
        target_text("photograph_set", "set", resolve="extra", files=files),
    )
    assert refusal(runner, Validation, ProgramValidationRequest(program)) == expected
