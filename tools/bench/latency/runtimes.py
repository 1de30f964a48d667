"""The runtimes that are compared. Each is loaded in a process of its own: their threads would disturb each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.latency.arrays import read_arrays
from bench.latency.files import (
    EAGER,
    EXECUTORCH,
    INPUTS,
    ONNX,
    ONNXRUNTIME,
    OPENVINO,
    PROGRAM,
)

Run = Callable[[], Sequence[Any]]
"""One inference on the fixed inputs; returns the outputs, whatever the runtime's kind of tensor."""

Loader = Callable[[Path, int], Run]
"""From the sandbox of the export and a number of threads."""


def load_eager_torch(folder: Path, threads: int) -> Run:
    import torch
    from torch.utils import _pytree as pytree

    from bench.latency.eager_model import load_eager

    torch.set_num_threads(threads)
    module = load_eager(folder).module
    inputs = [torch.from_numpy(array) for array in read_arrays(folder / INPUTS)]

    def run() -> Sequence[Any]:
        with torch.inference_mode():
            return pytree.tree_leaves(module(*inputs))

    return run


def load_executorch(folder: Path, threads: int) -> Run:
    import torch
    from executorch.extension.pybindings import portable_lib  # type: ignore[import-untyped]

    from pte_foundry.validation.runtime import load_program

    # The workers of torch's own thread pool would spin alongside those of ExecuTorch after any small operation.
    torch.set_num_threads(1)
    portable_lib._unsafe_reset_threadpool(threads)
    # The requested number counts: an unnoticed default would measure something else.
    if (found := portable_lib._threadpool_get_thread_count()) != threads:
        raise RuntimeError(f"ExecuTorch's thread pool has {found} threads instead of {threads}")
    program = load_program((folder / PROGRAM).read_bytes())
    inputs = [torch.from_numpy(array) for array in read_arrays(folder / INPUTS)]
    return lambda: program.run(inputs)


def load_onnxruntime(folder: Path, threads: int) -> Run:
    import onnxruntime  # type: ignore[import-not-found]  # pants: no-infer-dep

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(folder / ONNX), options, providers=["CPUExecutionProvider"]
    )
    names = [tensor.name for tensor in session.get_inputs()]
    inputs = dict(zip(names, read_arrays(folder / INPUTS), strict=True))
    return lambda: tuple(session.run(None, inputs))


def load_openvino(folder: Path, threads: int) -> Run:
    import openvino  # type: ignore[import-not-found]  # pants: no-infer-dep

    core = openvino.Core()
    model = core.compile_model(
        core.read_model(str(folder / ONNX)),
        "CPU",
        {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            # Where the CPU has bfloat16 units, OpenVINO computes in bfloat16 unless told otherwise: 3 digits, twice
            # the speed.
            "INFERENCE_PRECISION_HINT": "f32",
        },
    )
    request = model.create_infer_request()
    inputs = read_arrays(folder / INPUTS)

    def run() -> Sequence[Any]:
        results = request.infer(inputs, share_inputs=True)
        return [results[position] for position in range(len(model.outputs))]

    return run


LOADERS: Mapping[str, Loader] = {
    EAGER: load_eager_torch,
    EXECUTORCH: load_executorch,
    ONNXRUNTIME: load_onnxruntime,
    OPENVINO: load_openvino,
}
