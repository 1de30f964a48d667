"""Reports: declarations get into them, and a broken promise is an error."""

from __future__ import annotations

import dataclasses

import pytest
from pants.engine.addresses import Address
from pants.engine.fs import FileDigest
from pants.testutil.rule_runner import RuleRunner
from pants.util.frozendict import FrozenDict

from pte_build.program.backend import Backend
from pte_build.program.checks import ProgramTest
from pte_build.program.declaration import ProgramDeclaration
from pte_build.program.labels import ProgramLabels
from pte_build.program.report import BuiltProgram, ProgramRequest, declared
from pte_build.stand_in_repository import program_text, quantized_text
from pte_build.test_support import (
    ALPHA_FAST,
    SEEDED,
    make_runner,
    read_json,
    refusal,
    store_with_toolchain,
)
from pte_build.weights.resolution import ResolvedWeights
from pte_foundry.records.checks import Checks
from pte_foundry.records.limits import Limits
from pte_foundry.records.promise import Floor, Promise
from pte_foundry.records.tensor_spec import TensorSpec

WEIGHTS = ResolvedWeights(
    address=Address("models/alpha", target_name="alpha_weights"),
    source="substitute",
    file="a.pth",
    license="MIT",
    source_page="https://example.org",
    sha256="0a" * 32,
    size=7,
    description="fine-tuned",
    local_path="/on/this/machine/a.pth",
)
BACKEND = Backend(
    address=Address("toolchains", target_name="fast"),
    name="fast",
    resolve="engine",
    lowering=Address("lowering", relative_file_path="fast.py"),
    interpreter=None,
    delegate="FastBackend",
    precisions=("fp16", "fp32"),
    options=FrozenDict(),
    rewrites=(),
    sdk=None,
    platforms=("linux", "web"),
    summary="Fast.",
)
DECLARATION = ProgramDeclaration(
    address=ALPHA_FAST,
    model="alpha",
    weights=WEIGHTS.address,
    builder=Address("models", relative_file_path="alpha.py"),
    inputs=(TensorSpec("image", "float32", (1,)),),
    backend=BACKEND,
    precision="fp32",
    options=FrozenDict(),
    rewrites=(),
    resolves=("engine",),
    floor=Floor(1, 0, 0.5),
    quantization=None,
    unavailable=None,
    pte_path="models/alpha/alpha_fast.pte",
)
TEST = ProgramTest(
    address=Address("models/alpha", target_name="alpha_fast_test"),
    checks=Checks(
        min_cosine=0.999,
        max_abs_difference=0.01,
        max_size_ratio=1.1,
        max_planned_memory_ratio=1.05,
        photographs={"cat.png": "cat"},
    ),
    photographs=None,
    samples=None,
    limits=Limits(300, 4096),
    timeout=900,
)


def test_declared_part() -> None:
    labels = ProgramLabels("models/alpha/labels.txt", FileDigest("0b" * 32, 9))
    record = declared(DECLARATION, WEIGHTS, labels, "models/alpha/README.md", TEST)
    assert record.to_json() == {
        "address": "models/alpha:alpha_fast",
        "model": "alpha",
        "family": "alpha",
        "backend": "fast",
        "backend_description": "Fast.",
        "precision": "fp32",
        "default_precision": "fp16",
        "platforms": ["linux", "web"],
        "weights": {
            "address": "models/alpha:alpha_weights",
            "source": "substitute",
            "file": "a.pth",
            "sha256": "0a" * 32,
            "size": 7,
            "license": "MIT",
            "source_page": "https://example.org",
            "description": "fine-tuned",
        },
        "labels": {"file": "labels.txt", "sha256": "0b" * 32, "size": 9},
        "model_card": "models/alpha/README.md",
        "delegate": "FastBackend",
        "floor": {
            "max_delegate_calls": 1,
            "max_undelegated_operators": 0,
            "min_delegated_fraction": 0.5,
        },
        "quantization_floor": None,
        "checks": {
            "min_cosine": 0.999,
            "max_abs_difference": 0.01,
            "photographs": {"cat.png": "cat"},
            "trained": None,
            "max_size_ratio": 1.1,
            "max_planned_memory_ratio": 1.05,
        },
    }


def test_what_a_program_lacks_is_null() -> None:
    backend = dataclasses.replace(BACKEND, delegate=None)
    declaration = dataclasses.replace(DECLARATION, backend=backend, floor=Floor(None, None, None))
    part = declared(declaration, WEIGHTS, None, None, None)
    assert (part.labels, part.model_card, part.checks) == (None, None, None)
    assert part.promise == Promise(None, Floor(None, None, None))


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(SEEDED, store=store_with_toolchain())


def test_a_report(runner: RuleRunner) -> None:
    built = runner.request(BuiltProgram, [ProgramRequest(ALPHA_FAST)])
    assert built.labels is not None and built.labels.path == "models/alpha/labels.txt"
    assert built.test is not None and built.test.address.target_name == "alpha_fast_test"
    report = read_json(runner, built.report)
    weights = built.exported.weights
    card = "models/alpha/README.md"
    part = declared(built.declaration, weights, built.labels, card, built.test).to_json()
    assert report["declared"] == part
    assert report["facts"]["pte"]["sha256"] == built.exported.pte.fingerprint


def test_a_broken_promise(runner: RuleRunner) -> None:
    builder = ["src/python/pte_foundry/models/left_over.py"]
    text = program_text("p", builder=builder, max_undelegated_operators=1)
    runner.write_files({"bad/BUILD": text})
    request = ProgramRequest(Address("bad", target_name="p"))
    assert refusal(runner, BuiltProgram, request) == (
        "bad:p: its report was refused: delegation: bad:p leaves operators undelegated"
    )


def test_a_quantization_floor(runner: RuleRunner) -> None:
    program = Address("q", target_name="p")
    runner.write_files({"q/BUILD": quantized_text("p", min_quantized_compute=0.5)})
    built = runner.request(BuiltProgram, [ProgramRequest(program)])
    assert read_json(runner, built.report)["declared"]["quantization_floor"] == {
        "min_quantized_weights": 0.9,
        "min_quantized_compute": 0.5,
    }
    runner.write_files({"q/BUILD": quantized_text("p", min_quantized_weights=0.95)})
    assert refusal(runner, BuiltProgram, ProgramRequest(program)) == (
        "q:p: its report was refused: quantization: q:p is quantized in part"
    )


def test_a_kept_promise_without_labels_and_test(runner: RuleRunner) -> None:
    builder = ["src/python/pte_foundry/models/left_over.py"]
    text = program_text("p", builder=builder, max_undelegated_operators=2)
    runner.write_files({"bad/BUILD": text})
    built = runner.request(BuiltProgram, [ProgramRequest(Address("bad", target_name="p"))])
    assert (built.labels, built.test) == (None, None)
    assert read_json(runner, built.report)["declared"]["model_card"] is None
