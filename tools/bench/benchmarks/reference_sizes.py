"""Sizes of the files that this repository is to replace, in bytes.

From the release assets of https://github.com/abdelaziz-mahdy/executorch_flutter_models: the same models, each as that
repository's own export script lowered it.
"""

from __future__ import annotations

from collections.abc import Mapping

# Model -> backend -> bytes. It has `mps` files too, but these hold portable programs under another name.
REFERENCE_SIZES: Mapping[str, Mapping[str, int]] = {
    "mobilenet_v3_small": {"xnnpack": 10213408, "coreml": 5485636, "vulkan": 5184644},
    "yolo11n": {"xnnpack": 10696128, "coreml": 5928143, "vulkan": 5403040},
    "yolov5n": {"xnnpack": 10789184, "coreml": 5865462, "vulkan": 5446048},
    "yolov8n": {"xnnpack": 12804672, "coreml": 6832755, "vulkan": 6442272},
}
