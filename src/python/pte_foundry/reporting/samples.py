"""Sample declarations and facts for the tests of the report, the validation and the index."""

from __future__ import annotations

import copy

SHA = "0123456789abcdef" * 4

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
    "delegate": "XnnpackBackend",
    "floor": {
        "max_delegate_calls": 1,
        "max_undelegated_operators": 0,
        "min_delegated_fraction": 0.99,
    },
    "checks": {
        "min_cosine": 0.9999,
        "max_abs_difference": 0.001,
        "photographs": {"chelsea.png": "Egyptian cat"},
        "trained": None,
    },
}

_FACTS: dict[str, object] = {
    "model": "mobilenet_v3_small",
    "precision": "fp32",
    "options": {},
    "rewrites": ["pte_foundry.rewrites.float_hardsigmoid"],
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


def sample_declared(**changes: object) -> dict[str, object]:
    """A fresh declared.json of one MobileNet, with top-level fields replaced."""
    return {**copy.deepcopy(_DECLARED), **changes}


def sample_facts(**changes: object) -> dict[str, object]:
    """The facts.json that goes with `sample_declared`, with top-level fields replaced."""
    return {**copy.deepcopy(_FACTS), **changes}
