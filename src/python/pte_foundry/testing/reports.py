"""Sample declarations and facts for the tests of the report, the validation and the index."""

from __future__ import annotations

import copy

SHA = "0123456789abcdef" * 4
NO_FLOOR: dict[str, object] = dict.fromkeys(
    ("max_delegate_calls", "max_undelegated_operators", "min_delegated_fraction")
)

_DECLARED: dict[str, object] = {
    "address": "models/mobilenet:mobilenet_v3_small_xnnpack",
    "model": "mobilenet_v3_small",
    "family": "mobilenet",
    "backend": "xnnpack",
    "backend_description": "XNNPACK: optimised CPU kernels",
    "precision": "fp32",
    "default_precision": "fp32",
    "platforms": ["android", "ios", "linux", "macos", "web", "windows"],
    "weights": {
        "address": "models/mobilenet:mobilenet_v3_small_weights",
        "source": "official",
        "file": "mobilenet_v3_small-047dcff4.pth",
        "sha256": SHA,
        "size": 10306551,
        "license": "BSD-3-Clause",
        "source_page": "https://pytorch.org/vision/stable/models.html",
        "description": None,
    },
    "labels": {"file": "labels.txt", "sha256": SHA, "size": 10472},
    "model_card": "models/mobilenet/README.md",
    "delegate": "XnnpackBackend",
    "floor": {
        "max_delegate_calls": 1,
        "max_undelegated_operators": 0,
        "min_delegated_fraction": 0.99,
    },
    "quantization_floor": None,
    "checks": {
        "min_cosine": 0.9999,
        "max_abs_difference": 0.001,
        "photographs": {"chelsea.png": "Egyptian cat"},
        "trained": None,
        "max_size_ratio": 1.1,
        "max_planned_memory_ratio": 1.05,
    },
}

_FACTS: dict[str, object] = {
    "model": "mobilenet_v3_small",
    "precision": "fp32",
    "options": {},
    "rewrites": ["pte_foundry.rewrites.float_hardsigmoid"],
    "quantization": None,
    "versions": {"executorch": "1.4.1", "torch": "2.13.0+cpu"},
    "inputs": [
        {"name": "image", "shape": [1, 3, 224, 224], "dtype": "float32", "layout": "NCHW"},
    ],
    "outputs": [
        {"name": "logits", "shape": [1, 1000], "dtype": "float32", "description": "class scores"}
    ],
    "pte": {"sha256": SHA, "size": 10234567},
    "delegation": {
        "delegates": {"XnnpackBackend": 1},
        "calls": 1,
        "undelegated": {},
        "undelegated_total": 0,
        "operators_before_lowering": 316,
        "delegated_fraction": 1.0,
    },
    "parameters": {"count": 2542856, "bytes": 10171424},
    "planned_memory_bytes": [1204224],
}


QUANTIZATION_FLOOR: dict[str, object] = {
    "min_quantized_weights": 0.95,
    "min_quantized_compute": 0.9,
}

_QUANTIZATION: dict[str, object] = {
    "recipe": "pte_foundry.quantization.recipes.xnnpack_static",
    "options": {"float": "features.0"},
    "calibration": [
        {"file": "bus.jpg", "sha256": SHA},
        {"file": "chelsea.png", "sha256": SHA[::-1]},
    ],
    "weights_fraction": 0.998765,
    "compute_fraction": 0.95,
    "quantized": {"aten.convolution.default": 51},
    "in_float": {"aten.convolution.default": 1, "aten.mean.dim": 2},
}


def sample_quantization(**changes: object) -> dict[str, object]:
    """The `quantization` section of an int8 program's facts.json, with fields replaced."""
    return {**copy.deepcopy(_QUANTIZATION), **changes}


def sample_declared(**changes: object) -> dict[str, object]:
    """A fresh declared.json of one MobileNet, with top-level fields replaced."""
    return {**copy.deepcopy(_DECLARED), **changes}


def sample_facts(**changes: object) -> dict[str, object]:
    """The facts.json that goes with `sample_declared`, with top-level fields replaced."""
    return {**copy.deepcopy(_FACTS), **changes}


def sample_int8_declared(**changes: object) -> dict[str, object]:
    """A declared.json of the same model in int8."""
    return sample_declared(precision="int8", quantization_floor=QUANTIZATION_FLOOR, **changes)


def sample_int8_facts(**quantization: object) -> dict[str, object]:
    """The facts.json that goes with `sample_int8_declared`, with fields of its quantization replaced."""
    return sample_facts(precision="int8", quantization=sample_quantization(**quantization))
