"""Write the floors that a new model's programs reach into its BUILD file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.records.delegation import Delegation, listed
from pte_foundry.records.json_fields import Fields
from workspace.atomic_file import replace_text
from workspace.errors import ToolError
from workspace.pants_run import PantsRun

RunPants = Callable[[Path, Mapping[str, str], tuple[str, ...]], PantsRun]
# As `texts.build_text` writes a program without fields of its own.
_PROGRAM = re.compile(r'(?P<indent> +)"(?P<key>[a-z0-9_]+)": \{\},')


def write_floors(root: Path, name: str, environment: Mapping[str, str], run: RunPants) -> list[str]:
    """Build the programs of `models/<name>`, and write what their delegates take as floors, where none stands yet.

    Returns a line for each program: its precision, weights, size, and what is left to the portable kernels.

    Raises:
        ToolError: if there is no such model, or if the build fails.
    """
    build = root / "models" / name / "BUILD"
    if not build.is_file():
        raise ToolError(f"--floors: there is no models/{name}/BUILD. Name a model that `new` wrote")
    run(root, environment, ("--no-dynamic-ui", "--no-colors", "package", f"models/{name}::"))
    text, lines = build.read_text(encoding="utf-8"), []
    for path in sorted((root / "dist/models" / name).glob(f"{name}_*.json")):
        if path.name.endswith(".validation.json"):
            continue
        try:
            report = Fields.of(json.loads(path.read_text(encoding="utf-8")), str(path))
            delegation = Delegation.read(report.nested("delegation"))
            lines.append(_line(path.stem, report, delegation))
        except PteError as error:
            raise ToolError(error.message) from None
        text = _with_floors(text, path.stem.removeprefix(f"{name}_"), _floors(delegation))
    if not lines:
        raise ToolError(f"--floors: `./pants package models/{name}::` wrote no report")
    if text != build.read_text(encoding="utf-8"):
        replace_text(build, text)
    return lines


def _floors(delegation: Delegation) -> dict[str, int]:
    """Empty for a program without a delegate, to which there is nothing to hold it."""
    if not delegation.calls:
        return {}
    return {
        "max_delegate_calls": delegation.calls,
        "max_undelegated_operators": delegation.undelegated_total,
    }


def _with_floors(text: str, key: str, floors: Mapping[str, int]) -> str:
    def filled(match: re.Match[str]) -> str:
        if match["key"] != key or not floors:
            return match[0]
        return f'{match["indent"]}"{key}": {json.dumps(floors)},'

    return _PROGRAM.sub(filled, text)


def _line(program: str, report: Fields, delegation: Delegation) -> str:
    calls = "1 call" if delegation.calls == 1 else f"{delegation.calls} calls"
    left = f"left to the portable kernels: {listed(delegation.undelegated)}"
    taken = f"{calls} of the delegate, {left}" if delegation.calls else "no delegate"
    weights = report.nested("weights").text("source")
    return f"{program}: {report.text('precision')}, {weights} weights, {report.count('size')} bytes, {taken}"
