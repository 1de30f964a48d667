"""Print where the runtimes that ExecuTorch is compared with are installed, and their versions, as JSON."""

from __future__ import annotations

import json
import sys
import sysconfig
from importlib import metadata

_DISTRIBUTIONS = ("onnx", "onnxruntime", "onnxscript", "openvino")


def main() -> int:
    """The last line: `{"folder": ..., "versions": {...}}`. Raises PackageNotFoundError if one is missing."""
    versions = {name: metadata.version(name) for name in _DISTRIBUTIONS}
    print(json.dumps({"folder": sysconfig.get_path("purelib"), "versions": versions}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
