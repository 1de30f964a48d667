"""What Pants knows about targets: `./pants peek`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workspace.child import run_child
from workspace.errors import ToolError

# Pants' own message, below a traceback of its engine.
_REASON = re.compile(r"^\w+(?:Error|Exception): (.*)", re.MULTILINE | re.DOTALL)


def peek(root: Path, specs: Sequence[str], environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """The targets that `specs` stand for, each as the JSON object that `peek` prints for it.

    Args:
        root: the build root.

    Raises ToolError with Pants' reason for what it cannot read, e.g. an unknown address.
    """
    finished = run_child(
        ["./pants", "--no-dynamic-ui", "--no-colors", "peek", *specs],
        folder=root,
        environment=environment,
    )
    if finished.returncode != 0:
        found = _REASON.search(finished.stderr)
        reason = (found[1].strip() if found else "") or finished.stderr.strip()
        if not reason:
            reason = f"exit code {finished.returncode}. See `./pants peek {' '.join(specs)}`"
        raise ToolError(f"{' '.join(specs)}: Pants cannot read it: {reason}")
    targets: list[dict[str, Any]] = json.loads(finished.stdout)
    return targets
