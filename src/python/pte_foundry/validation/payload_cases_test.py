from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from pte_foundry.backends.vulkan import program as vulkan_program
from pte_foundry.backends.xnnpack import program as xnnpack_program
from pte_foundry.errors import PteError
from pte_foundry.testing.workspace import Workspace, failed_kinds, write_checkpoint


def failures(workspace: Workspace) -> dict[str, str]:
    return failed_kinds(workspace.run())


def test_a_good_payload_passes_and_says_what_was_compared(gpu: Workspace) -> None:
    cases = gpu.run()
    assert cases["payload"].status == cases["weights"].status == "passed"
    payload: Any = cases["payload"].measured
    assert (payload["convolutions"], payload["products"]) == (1, 1)
    assert list(payload["float_types"]) == ["float16"]
    weights: Any = cases["weights"].measured
    # The convolution's and the head's weight; their biases have 8 and 3 elements.
    assert (weights["compared"], weights["elements"]) == (2, 8 * 27 + 24)
    assert 0.4 < weights["largest_difference_in_float_steps"] <= 0.5


def test_a_checkpoint_that_hardly_differs_is_seen_by_the_weights_alone(gpu: Workspace) -> None:
    write_checkpoint(gpu.folder, scale=1.002)
    assert failures(gpu) == {"weights": "mismatch"}


def test_without_a_reader_of_payloads_there_are_no_such_cases(workspace: Workspace) -> None:
    assert not {"payload", "weights"} & workspace.run().keys()


def test_weights_of_what_was_executed_are_compared_too(workspace: Workspace) -> None:
    workspace.request["interpreter"] = xnnpack_program.__name__
    cases = workspace.run()
    assert (cases["run:fixed-0"].status, cases["weights"].status) == ("passed", "passed")
    assert "interpret" not in cases and "payload" not in cases
    assert cases["weights"].measured["largest_difference_in_float_steps"] == 0.0
    # Far too little for parity.
    write_checkpoint(workspace.folder, scale=1.000001)
    assert failures(workspace) == {"weights": "mismatch"}


def test_what_the_reader_does_not_know_is_skipped(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.request["interpreter"] = xnnpack_program.__name__
    for kind, status in (("not-interpretable", "skipped"), ("structure", "failed")):

        def refuse(program: object, kind: str = kind) -> object:
            raise PteError(kind, "constant 3: a new kind of integers")

        monkeypatch.setattr(xnnpack_program.XnnpackProgram, "content", refuse)
        case = workspace.run()["weights"]
        assert case.status == status and "a new kind" in case.message


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda program: dict[str, object]()["scale"], "KeyError: 'scale'"),
        (lambda program: list[int]()[3], "IndexError"),
        (lambda program: os.abort(), "SIGABRT"),
        (lambda program: torch.ones(1 << 30), "more than 1024 MB"),
        (lambda program: time.sleep(100), "no answer within 5 s"),
    ],
    ids=["name", "index", "crash", "memory", "hang"],
)
def test_whatever_happens_to_the_reader_is_a_failed_case(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[object], object],
    words: str,
) -> None:
    workspace.request["interpreter"] = xnnpack_program.__name__
    workspace.request["limits"]["seconds"] = 5 if "5 s" in words else 60
    monkeypatch.setattr(xnnpack_program.XnnpackProgram, "content", read)
    case = workspace.run()["weights"]
    assert (case.status, case.kind) == ("failed", "structure") and words in case.message


def test_another_precision_is_seen(gpu: Workspace) -> None:
    gpu.report["precision"] = "fp32"
    # The program itself says its precision, too.
    assert failures(gpu) == {"payload": "structure", "contract": "structure"}


def test_an_option_that_the_payload_breaks_is_seen(gpu: Workspace) -> None:
    gpu.report["options"]["texture_limits"] = "16"
    assert failures(gpu) == {}
    gpu.report["options"]["texture_limits"] = "16,15,16"
    assert failures(gpu) == {"payload": "structure"}


def test_other_outputs_in_the_report_are_seen(gpu: Workspace) -> None:
    gpu.report["outputs"][0]["shape"] = [1, 4]
    assert failures(gpu)["payload"] == "structure"


def test_a_rewrite_that_cannot_be_applied_fails(gpu: Workspace) -> None:
    gpu.report["rewrites"] = ["pte_foundry.rewrites.fold_batch_norm"]
    found = gpu.run()["weights"]
    assert (found.status, found.kind) == ("failed", "mismatch")
    assert "the model has no Conv, DWConv" in found.message


def test_a_payload_that_cannot_be_described_fails(
    gpu: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(program: object) -> object:
        raise PteError("structure", "constant 3: 7 bytes are not float16")

    monkeypatch.setattr(vulkan_program.VulkanProgram, "content", refuse)
    cases = gpu.run()
    assert (cases["payload"].status, cases["payload"].kind) == ("failed", "structure")
    assert cases["weights"].status == "skipped"
