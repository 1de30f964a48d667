"""Make torchvision importable next to a CPU build of torch.

The torchvision wheels of the package index are built for CUDA. Without the CUDA libraries their C++
extension cannot load, and `import torchvision` then fails while it describes two operators that the
extension would have defined ("operator torchvision::nms does not exist"). Declaring the two
schemas is enough for the models; the operators themselves stay without a kernel and raise when
called.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)

# A library takes its operators along when it is collected, so the reference lives as long as we do.
_library: torch.library.Library | None = None


def prepare_torchvision() -> bool:
    """Call before the first `import torchvision`. May be called again at no cost.

    Returns:
        True if the schemas had to be declared, False if torchvision's own extension provides them.
    """
    global _library
    if _library is None and not _extension_loads():
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for schema in _SCHEMAS:
            library.define(schema)  # type: ignore[no-untyped-call]
        _library = library
    return _library is not None


def _extension_loads() -> bool:
    """Load the extension as torchvision itself would, without importing torchvision."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return False
    for extension in sorted(Path(spec.origin).parent.glob("_C*.so")):
        try:
            torch.ops.load_library(str(extension))  # type: ignore[no-untyped-call]
            return True
        except OSError:
            continue
    return False
