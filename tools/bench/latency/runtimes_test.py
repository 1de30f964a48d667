"""The runtimes of the `dev` resolve; ONNX Runtime and OpenVINO have another one, and only run in the benchmark."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils._pytree import tree_leaves

from bench.latency import prepare_reference
from bench.latency.arrays import lowest_cosine, read_arrays, relative_error
from bench.latency.eager_model import load_eager
from bench.latency.files import (
    EAGER,
    EXECUTORCH,
    INPUTS,
    PROGRAM,
    REFERENCE,
    REQUEST,
    RUNTIMES,
    outputs_file,
)
from bench.latency.runtimes import LOADERS
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.exporting.export import export
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.rewrites import float_hardsigmoid
from pte_foundry.testing import tiny_builder

_REQUEST = {
    "model": {
        "name": "tiny",
        "builder": tiny_builder.__name__,
        "inputs": {"image": "float32[1,3,8,8]"},
        "weights": {"source": "seeded"},
    },
    "backend": "xnnpack",
    "lowering": xnnpack.__name__,
    "precision": "fp32",
    "options": {},
    "rewrites": [float_hardsigmoid.__name__],
}


def test_every_name_has_a_loader() -> None:
    assert tuple(LOADERS) == RUNTIMES


def work(folder: Path, runtime: str, threads: int, questions: str) -> list[object]:
    """The answers of a worker in a process of its own."""
    finished = subprocess.run(
        [sys.executable, "-m", "bench.latency.worker", runtime, str(threads)],
        cwd=folder,
        # Absolute: some of this process's folders are relative to another working directory.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        input=questions,
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in finished.stdout.splitlines()]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an export and `prepare_reference` leave."""
    folder = tmp_path_factory.mktemp("sandbox")
    (folder / REQUEST).write_text(json.dumps(_REQUEST))
    (folder / PROGRAM).write_bytes(
        export(ExportRequest.read(Fields(_REQUEST, "a request")), folder).pte
    )
    with pytest.MonkeyPatch.context() as there:
        there.chdir(folder)
        assert prepare_reference.main() == 0
    return folder


@pytest.mark.parametrize(("runtime", "threads"), [(EAGER, 1), (EXECUTORCH, 2)])
def test_a_worker_computes_the_reference_and_times_what_it_is_asked(
    sandbox: Path, runtime: str, threads: int
) -> None:
    ready, first, second = work(sandbox, runtime, threads, "1 3\n0 2\n")
    assert ready == {"ready": True}
    assert isinstance(first, list) and isinstance(second, list)
    assert (len(first), len(second)) == (3, 2)
    assert all(0 < seconds < 60 for seconds in first + second)
    reference = read_arrays(outputs_file(sandbox, REFERENCE))
    found = read_arrays(outputs_file(sandbox, runtime, threads))
    assert lowest_cosine(reference, found) > 0.99999
    assert relative_error(reference, found) < 1e-6
    # The same bits would show that nothing but the eager model ran.
    assert (relative_error(reference, found) > 0) == (runtime == EXECUTORCH)
    # The control: of other inputs they would not agree.
    (image,) = read_arrays(sandbox / INPUTS)
    with torch.no_grad():
        module = load_eager(sandbox).module
        other = tree_leaves(module(torch.from_numpy(image).flip(-1)))
    assert lowest_cosine([tensor.numpy() for tensor in other], found) < 0.9999
