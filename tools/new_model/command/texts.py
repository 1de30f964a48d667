"""The files of a new model: BUILD, model card, and a builder to be filled in where the file is values only."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from new_model.command.int8 import CALIBRATION, JUDGED, Plan
from new_model.command.programs import Program
from new_model.command.recognise import Form, Recognised
from new_model.command.request import Request
from pin_weights.command.content import CheckpointContent
from pte_foundry.records.tensor_spec import TensorSpec

_OWN = "src/python/pte_foundry/models/own"
BUILDERS = {
    Form.TORCHSCRIPT: f"{_OWN}/torchscript.py",
    Form.EXPORTED: f"{_OWN}/exported_program.py",
    Form.PICKLED: f"{_OWN}/pickled_module.py",
}
"""Builder of each form that is a whole model."""

ARCHITECTURE = "architecture"
"""The module beside the builder that the file of --from-python becomes."""

_USUAL_SIZE_RATIO = 1.1
_STRUCTURE_BYTES = 512_000
"""More than the operators and names of a usual program take beside its weights."""
_LARGE_INPUTS_BYTES = 64 << 10
_USUAL_MEMORY_RATIO = 200.0
_LONGEST_LINE = 110


def build_text(
    request: Request,
    found: Recognised,
    file: str,
    content: CheckpointContent,
    programs: Sequence[Program],
    plans: Mapping[str, Plan],
) -> str:
    """`models/<name>/BUILD`; `plans` are those of the quantized programs, by key."""
    whole = found.form in BUILDERS
    weights = weights_text(
        [
            ("name", f"{request.name}_weights"),
            ("file", file),
            ("sha256", content.sha256),
            ("size", content.size),
            *([("whole_model", True)] if whole else []),
            ("license", request.license),
        ]
    )
    resolve = request.architecture.resolve if request.architecture is not None else None
    if found.form is Form.SAFETENSORS:
        resolve = "timm"  # Its lock has the package safetensors.
    builder = BUILDERS.get(found.form, f"models/{request.name}/builder.py")
    model = model_text(request, builder, resolve, found.data_bytes, programs, plans)
    return "\n".join([*([] if whole else ["python_sources()\n"]), weights, model])


def weights_text(fields: Sequence[tuple[str, object]]) -> str:
    """The target of a checkpoint."""
    return _call("model_weights", fields)


def model_text(
    request: Request,
    builder: str,
    resolve: str | None,
    data_bytes: int,
    programs: Sequence[Program],
    plans: Mapping[str, Plan],
    more: Sequence[tuple[str, object]] = (),
    rewrites: Mapping[str, Sequence[str]] = MappingProxyType({}),
    tolerances: Mapping[str, Mapping[str, float]] = MappingProxyType({}),
) -> str:
    """The sets of samples that there are, the model and its programs.

    Args:
        data_bytes: of the checkpoint's tensors.
        plans: of the quantized programs, by key.
        more: fields of the model.
        rewrites: of each program, by key.
        tolerances: in the place of the usual ones, by key.
    """
    fields: list[tuple[str, object]] = [("name", request.name), *more, ("builder", builder)]
    if resolve is not None:
        fields.append(("builder_resolve", resolve))
    fields.append(("inputs", {spec.name: str(spec) for spec in request.inputs}))
    if request.imports:
        fields.append(("imports", list(request.imports)))
    if request.classes:
        fields.append(("allowed_classes", list(request.classes)))
    fields += [
        (
            "programs",
            {
                one.key: {
                    **({"rewrites": list(rewrites[one.key])} if one.key in rewrites else {}),
                    **(plans[one.key].fields if one.key in plans else {}),
                }
                for one in programs
            },
        ),
        (
            "bounds",
            {
                one.key: {
                    **_bounds(one, data_bytes, request.inputs),
                    **tolerances.get(one.key, {}),
                }
                for one in programs
            },
        ),
    ]
    return (
        _samples_text(plans)
        + "# The bounds are wide. `./foundry thresholds --all`, after the tests, shows what was measured.\n"
        + _call("pte_model", fields)
    )


def _samples_text(plans: Mapping[str, Plan]) -> str:
    """The targets of samples that programs name."""
    named = json.dumps([plan.fields for plan in plans.values()])
    calls = []
    if f'":{CALIBRATION}"' in named:
        files = f"{CALIBRATION}_samples"
        calls += [
            _call("sample_set", [("name", files), ("sources", ["samples/calibration/*"])]),
            _call("calibration_set", [("name", CALIBRATION), ("samples", [f":{files}"])]),
        ]
    if f'":{JUDGED}"' in named:
        calls.append(_call("sample_set", [("name", JUDGED), ("sources", ["samples/judged/*"])]))
    return "".join(f"{call}\n" for call in calls)


def _bounds(program: Program, data_bytes: int, inputs: Sequence[TensorSpec]) -> dict[str, float]:
    """Thresholds that a good program keeps: errors of its precision, and budgets by the size of its weights.

    The budget of memory is a multiple of the inputs, as of pictures. Beside a few tokens anything is much, so theirs is
    that of `_LARGE_INPUTS_BYTES`.
    """
    # Of an int8 program much may stay in float: the floor of its quantized weights says how much, not its size.
    precision = program.backend.precision if program.quantized else program.precision
    ratio = program.backend.max_size_ratios.get(precision, _USUAL_SIZE_RATIO)
    # The checkpoint's tensors may be of half precision, of which the unit, float32, is twice as large.
    ratio += _STRUCTURE_BYTES / max(data_bytes, 1)
    bounds = {"max_size_ratio": math.ceil(ratio * 100) / 100}
    inputs_bytes = 4 * sum(math.prod(spec.shape) for spec in inputs)
    larger = max(1.0, _LARGE_INPUTS_BYTES / inputs_bytes)
    bounds["max_planned_memory_ratio"] = float(math.ceil(_USUAL_MEMORY_RATIO * larger))
    if program.quantized:
        # What is an error of 1 in scores is none in pixels: of outputs of an unknown scale, the relative error counts.
        bounds |= {"min_cosine": 0.98, "max_relative_error": 0.2, "max_abs_difference": 1e6}
    elif program.precision != "fp32":
        bounds |= {"min_cosine": 0.999, "max_abs_difference": 0.5}
    return bounds


def _call(alias: str, fields: Sequence[tuple[str, object]]) -> str:
    lines = [f"{alias}("]
    for key, value in fields:
        lines += f"{key}={literal(value)},".splitlines()
    return "\n".join([lines[0], *(f"    {line}" for line in lines[1:]), ")\n"])


def literal(value: object) -> str:
    """Python as black would write it, in JSON's double quotes."""
    if isinstance(value, bool) or not isinstance(value, (dict, list)):
        return repr(value) if not isinstance(value, str) else json.dumps(value)
    if isinstance(value, list):
        return json.dumps(value)
    if not value:
        return "{}"
    return "\n".join(["{", *(_entry(key, one) for key, one in value.items()), "}"])


def _entry(key: str, value: object) -> str:
    """A line of a dict, or several where it would be too long."""
    line = f"    {json.dumps(key)}: {json.dumps(value)},"
    if len(line) <= _LONGEST_LINE or not isinstance(value, dict):
        return line
    inner = [f"    {text}" for one in value.items() for text in _entry(*one).splitlines()]
    return "\n".join([f"    {json.dumps(key)}: {{", *inner, "    },"])


def card_text(request: Request, found: Recognised, file: str) -> str:
    """`models/<name>/README.md`: what is known, and what its owner is to say."""
    inputs = ", ".join(f"`{spec.name}`: `{spec}`" for spec in request.inputs)
    return f"""# {request.name}

What it is for, who trained it, on what: to be written.

| | |
|---|---|
| checkpoint | `{file}`, a {found.form.value}{_part(request, found)}, pinned in BUILD |
| licence | {request.license} |
| input | {inputs}. What the values mean: to be written |
| output | see the program's report |
"""


def _part(request: Request, found: Recognised) -> str:
    """What of the file is taken."""
    key = found.taken.key if found.taken is not None else None
    named = f", the names that begin with `{request.prefix}`" if request.prefix else ""
    return (f", of which `{key}` is taken" if key else "") + named


def builder_text(request: Request, found: Recognised) -> str:
    """`models/<name>/builder.py`; without an architecture, it says what is missing until somebody fills it in."""
    contracts = "\n".join(
        f'            InputContract("{spec.name}", {spec.shape!r}, "to be written", None),'
        for spec in request.inputs
    )
    outputs = "\n".join(
        f'            OutputContract({json.dumps(output)}, "to be written"),'
        for output in request.outputs
    )
    adapter = _adapter(request, found)
    standard = "from functools import partial\n\n" if adapter.startswith("partial") else ""
    records = (
        "        # Beside its values, the file names classes: none of them is imported.\n"
        "        unknown_as_records=True,\n"
        if found.classes
        else ""
    )
    needed, architecture = _architecture(request)
    return f'''"""The architecture of `{request.name}`: its checkpoint has the values only."""

from __future__ import annotations

{standard}from torch import nn

{needed}from pte_foundry.models.definition import (
    InputContract,
    ModelDefinition,
    OutputContract,
    takes_no_picture,
)
from pte_foundry.models.own.state_dict import plain_state_dict


def _architecture() -> nn.Module:
    """Return the module that the checkpoint was trained with, freshly constructed."""
{architecture}

def build(model: str) -> ModelDefinition:
    return ModelDefinition(
        module=_architecture().eval(),
        inputs=(
{contracts}
        ),
        outputs=(
{outputs}
        ),
        checkpoint_globals=(),
        adapt_checkpoint={adapter},
        preprocess=takes_no_picture,
{records}    )
'''


def _adapter(request: Request, found: Recognised) -> str:
    key = found.taken.key if found.taken is not None else None
    chosen = [
        f"{option}={json.dumps(value)}"
        for option, value in (("key", key), ("prefix", request.prefix))
        if value
    ]
    return f"partial(plain_state_dict, {', '.join(chosen)})" if chosen else "plain_state_dict"


def _architecture(request: Request) -> tuple[str, str]:
    """What the builder imports for its function `_architecture`, and the function's body."""
    one = request.architecture
    if one is None:
        return (
            "from pte_foundry.errors import PteError\n",
            f"""    raise PteError(
        "bad-builder",
        "models/{request.name}/builder.py: a state_dict does not say what the model looks like. Construct it in "
        "`_architecture`, and name its outputs in `build`",
    )
""",
        )
    source = f"models.{request.name}.{ARCHITECTURE}"
    construct = f"    module: nn.Module = {one.name}({one.arguments})\n    return module\n"
    if one.resolve is None:
        return f"from {source} import {one.name}\n", construct
    return (
        "from pte_foundry.models.torchvision_cpu import prepare_torchvision\n",
        f"    prepare_torchvision()\n    from {source} import {one.name}\n\n{construct}",
    )
