"""The runtimes of the `dev` resolve; ONNX Runtime and OpenVINO have another one, and only run in the benchmark."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.latency import prepare_reference
from bench.latency.arrays import lowest_cosine, read_arrays, relative_error, write_arrays
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


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an export and `bench.latency.prepare` leave, without ONNX."""
    folder = tmp_path_factory.mktemp("sandbox")
    (folder / REQUEST).write_text(json.dumps(_REQUEST))
    (folder / PROGRAM).write_bytes(
        export(ExportRequest.read(Fields(_REQUEST, "a request")), folder).pte
    )
    eager = load_eager(folder)
    write_arrays(folder / INPUTS, [tensor.numpy() for tensor in eager.example_inputs])
    return folder


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


def test_workers_run_the_same_model_and_time_what_they_are_asked(sandbox: Path) -> None:
    outputs = []
    for runtime, threads in ((EAGER, 1), (EXECUTORCH, 2)):
        ready, first, second = work(sandbox, runtime, threads, "1 3\n0 2\n")
        assert ready == {"ready": True}
        assert isinstance(first, list) and isinstance(second, list)
        assert (len(first), len(second)) == (3, 2)
        assert all(0 < seconds < 60 for seconds in first + second)
        outputs.append(read_arrays(outputs_file(sandbox, runtime, threads)))
    assert lowest_cosine(outputs[0], outputs[1]) > 0.99999
    # The control: on other inputs they would not agree.
    (image,) = read_arrays(sandbox / INPUTS)
    write_arrays(sandbox / INPUTS, [np.ascontiguousarray(image[..., ::-1])])
    work(sandbox, EXECUTORCH, 2, "")
    assert lowest_cosine(outputs[0], read_arrays(outputs_file(sandbox, EXECUTORCH, 2))) < 0.9999


def test_the_reference_is_what_the_eager_model_computes(
    sandbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (REQUEST, PROGRAM):
        (tmp_path / name).write_bytes((sandbox / name).read_bytes())
    with monkeypatch.context() as there:
        there.chdir(tmp_path)
        assert prepare_reference.main() == 0
    work(tmp_path, EXECUTORCH, 1, "")
    reference, found = (
        read_arrays(outputs_file(tmp_path, *which)) for which in ((REFERENCE,), (EXECUTORCH, 1))
    )
    assert 0 < relative_error(reference, found) < 1e-6
