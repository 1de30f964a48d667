"""The JSON Schema (2020-12) of index.json, for readers and for our own tests."""

from __future__ import annotations

from pte_foundry.index.versions import SCHEMA_VERSION
from pte_foundry.records.declared import PLATFORMS
from pte_foundry.records.model_request import WEIGHT_SOURCES

_TEXT: dict[str, object] = {"type": "string", "minLength": 1}
_TEXT_OR_NULL: dict[str, object] = {"type": ["string", "null"], "minLength": 1}
_COUNT: dict[str, object] = {"type": "integer", "minimum": 0}
_FRACTION: dict[str, object] = {"type": "number", "minimum": 0, "maximum": 1}
_COUNTS: dict[str, object] = {"type": "object", "additionalProperties": _COUNT}


def _matching(pattern: str) -> dict[str, object]:
    """A text that matches as a whole. In Python, unlike in ECMA 262, `$` matches before a final line break too."""
    return {"type": "string", "pattern": f"^{pattern}$(?!\\n)"}


_SHA256 = _matching("[0-9a-f]{64}")
# Digits as `pte_foundry.index.versions` allows.
_VERSION = _matching("[0-9]{1,9}(\\.[0-9]{1,9}){0,9}((a|b|rc)[0-9]{1,9})?")


def _object(properties: dict[str, object]) -> dict[str, object]:
    """An object that has all of `properties`; others are welcome, readers ignore them."""
    return {"type": "object", "required": sorted(properties), "properties": properties}


def _list(items: dict[str, object]) -> dict[str, object]:
    return {"type": "array", "items": items}


_TENSOR = _object({"name": _TEXT, "dtype": _TEXT, "shape": _list(_COUNT)})

_MODEL = _object(
    {
        "name": _matching("[A-Za-z0-9._+-]+_[A-Za-z0-9]+\\.pte"),
        "address": _TEXT,
        "modelName": _TEXT,
        "category": _TEXT,
        "backend": _matching("[A-Za-z0-9.+-]+"),
        "backendDescription": _TEXT,
        "hash": _SHA256,
        "size": _COUNT,
        "sizeMB": {"type": "number", "minimum": 0},
        "inputSize": {"type": "integer", "minimum": 1},
        "remoteUrl": _matching(".+\\.pte"),
        "platforms": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {"enum": list(PLATFORMS)},
        },
        "labelsFile": _TEXT_OR_NULL,
        "labelsRemoteUrl": _TEXT_OR_NULL,
        "license": _TEXT,
        "precision": _TEXT,
        # Null for a float precision.
        "quantization": {
            **_object(
                {
                    "recipe": _TEXT,
                    "calibration_pictures": _COUNT,
                    "weights_fraction": _FRACTION,
                    "compute_fraction": _FRACTION,
                }
            ),
            "type": ["object", "null"],
        },
        "weights": _object(
            {
                "source": {"enum": list(WEIGHT_SOURCES)},
                "file": _TEXT_OR_NULL,
                "sha256": {**_SHA256, "type": ["string", "null"]},
                "size": {"type": ["integer", "null"], "minimum": 0},
                "license": _TEXT,
                "source_page": _TEXT_OR_NULL,
                "description": _TEXT_OR_NULL,
            }
        ),
        "inputs": {**_list(_TENSOR), "minItems": 1},
        "outputs": {**_list(_TENSOR), "minItems": 1},
        "delegation": _object(
            {
                "delegates": _COUNTS,
                "calls": _COUNT,
                "undelegated": _COUNTS,
                "undelegated_total": _COUNT,
                "operators_before_lowering": _COUNT,
                "delegated_fraction": _FRACTION,
            }
        ),
        "parameters": _object({"count": _COUNT, "bytes": _COUNT}),
        "plannedMemoryBytes": _list(_COUNT),
        "validation": _object(
            {
                "checks": _object(
                    {
                        "min_cosine": {"type": ["number", "null"], "minimum": -1, "maximum": 1},
                        "max_abs_difference": {"type": ["number", "null"], "minimum": 0},
                        "photographs": {"type": "object", "additionalProperties": _TEXT},
                    }
                ),
                "verdict": {"const": "passed"},
                "evidence": _TEXT,
            }
        ),
        "toolchain": {
            "type": "object",
            "required": ["executorch"],
            "additionalProperties": _TEXT,
        },
    }
)

INDEX_SCHEMA: dict[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Index of ExecuTorch programs",
    **_object(
        {
            "schemaVersion": {"const": SCHEMA_VERSION},
            "version": _VERSION,
            "executorchVersion": _VERSION,
            "generated": _matching("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"),
            "baseUrl": _TEXT,
            "weightsSources": {
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": {"enum": list(WEIGHT_SOURCES)},
            },
            "models": {**_list(_MODEL), "minItems": 1},
            "labels": _list(
                _object(
                    {
                        "name": _TEXT,
                        "category": _TEXT,
                        "hash": _SHA256,
                        "size": _COUNT,
                        "remoteUrl": _TEXT,
                    }
                )
            ),
            "backends": {
                "type": "object",
                "additionalProperties": _object({"description": _TEXT}),
            },
            "unavailable": _list(
                _object(
                    {
                        "address": _TEXT,
                        "model": _TEXT,
                        "backend": _TEXT,
                        "precision": _TEXT,
                        "reason": _TEXT,
                    }
                )
            ),
        }
    ),
}
"""Fields beyond these are allowed: readers must ignore what they do not know."""
