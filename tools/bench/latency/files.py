"""Names that the benchmark and its measuring processes share: files in the sandbox of an export, and runtimes."""

from __future__ import annotations

from pathlib import Path

REQUEST = "export_request.json"  # written by the plugin: the model and its weights
PROGRAM = "program.pte"  # written by the export
INPUTS = "latency_inputs.npz"
ONNX = "latency_model.onnx"
OPERATOR_TIMES = "latency_operators.json"
ONNX_PROFILE = "latency_onnx_operators.json"

REFERENCE = "reference"
"""Stands for the untouched eager model, with torch's own number of threads; not timed."""

EAGER = "eager"
EXECUTORCH = "executorch"
ONNXRUNTIME = "onnxruntime"
OPENVINO = "openvino"
RUNTIMES = (EAGER, EXECUTORCH, ONNXRUNTIME, OPENVINO)


def outputs_file(folder: Path, runtime: str, threads: int | None = None) -> Path:
    """Archive of the outputs of a runtime, or of `REFERENCE`, which has no number of threads."""
    return folder / f"latency_outputs_{runtime}{'' if threads is None else f'_{threads}'}.npz"
