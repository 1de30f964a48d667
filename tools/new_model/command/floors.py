"""Write the floors that a new model's programs reach into its BUILD file."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from new_model.command.int8 import FIRST_SHARE
from new_model.command.texts import literal
from pte_foundry.errors import PteError
from pte_foundry.records.delegation import Delegation, listed
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.quantization import Quantization
from workspace.atomic_file import replace_text
from workspace.errors import ToolError
from workspace.pants_run import PantsRun

RunPants = Callable[[Path, Mapping[str, str], tuple[str, ...]], PantsRun]
_WEIGHTS, _COMPUTE = "min_quantized_weights", "min_quantized_compute"


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
            quantization = report.optional_nested("quantization")
            found = None if quantization is None else Quantization.read(quantization)
            lines.append(_line(path.stem, report, delegation, found))
        except PteError as error:
            raise ToolError(error.message) from None
        text = _with_floors(text, path.stem.removeprefix(f"{name}_"), _floors(delegation), found)
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


def _with_floors(
    text: str, key: str, floors: Mapping[str, int], quantization: Quantization | None
) -> str:
    """The BUILD file with floors for one program, if it has none yet and `texts.build_text` wrote it."""
    for value in _programs(text, key):
        segment = ast.get_source_segment(text, value) or ""
        try:
            fields: dict[str, Any] = ast.literal_eval(segment)
        except (ValueError, SyntaxError):
            continue
        if "#" in segment or any(field in fields for field in _FLOORS):
            continue
        if set(fields) - {"rewrites"} and fields.get(_WEIGHTS) != FIRST_SHARE:
            continue
        measured = {**fields, **_quantized(quantization), **floors}
        lines = text.splitlines(keepends=True)
        indent = lines[value.lineno - 1][: -len(lines[value.lineno - 1].lstrip())]
        flat = json.dumps(measured)
        new = flat if not fields else literal(measured).replace("\n", f"\n{indent}")
        return text.replace(f'"{key}": {segment},', f'"{key}": {new},', 1)
    return text


_FLOORS = ("max_delegate_calls", "max_undelegated_operators", "min_delegated_fraction", _COMPUTE)


def _quantized(found: Quantization | None) -> dict[str, float]:
    """Floors a little below what was measured; none of computations where only weights are quantized."""
    shares = {} if found is None else {_WEIGHTS: found.weights_fraction}
    if found is not None and found.compute_fraction:
        shares[_COMPUTE] = found.compute_fraction
    return {name: max(math.floor(share * 1000), 1) / 1000 for name, share in shares.items()}


def _programs(text: str, key: str) -> Iterator[ast.Dict]:
    """What stands for `key` in the `programs` of a call."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    tables = [
        word.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for word in node.keywords
        if word.arg == "programs" and isinstance(word.value, ast.Dict)
    ]
    for table in tables:
        for name, value in zip(table.keys, table.values):
            named = isinstance(name, ast.Constant) and name.value == key
            if named and isinstance(value, ast.Dict):
                yield value


def _line(
    program: str, report: Fields, delegation: Delegation, quantization: Quantization | None
) -> str:
    calls = "1 call" if delegation.calls == 1 else f"{delegation.calls} calls"
    left = f"left to the portable kernels: {listed(delegation.undelegated)}"
    taken = f"{calls} of the delegate, {left}" if delegation.calls else "no delegate"
    weights = report.nested("weights").text("source")
    shares = said = ""
    if quantization is not None:
        stored, computed = quantization.weights_fraction, quantization.compute_fraction
        shares = f" ({stored:.1%} of weights, {computed:.1%} of compute)"
        if quantization.calibrated_on is not None:
            said = f", CALIBRATED on {quantization.calibrated_on}"
    precision = f"{report.text('precision')}{shares}"
    return f"{program}: {precision}, {weights} weights, {report.count('size')} bytes, {taken}{said}"
