"""The files of a new model: BUILD, model card, and a builder to be filled in where the file is values only."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from new_model.command.recognise import Form, Recognised
from new_model.command.request import Request
from pin_weights.command.content import CheckpointContent
from pte_foundry.records.tensor_spec import TensorSpec
from workspace.backends import DeclaredBackend

_OWN = "src/python/pte_foundry/models/own"
BUILDERS = {
    Form.TORCHSCRIPT: f"{_OWN}/torchscript.py",
    Form.EXPORTED: f"{_OWN}/exported_program.py",
    Form.PICKLED: f"{_OWN}/pickled_module.py",
}
"""Builder of each form that is a whole model."""

_USUAL_SIZE_RATIO = 1.1
_STRUCTURE_BYTES = 512_000
_LARGE_INPUTS_BYTES = 64 << 10
"""More than the operators and names of a usual program take beside its weights."""


def build_text(
    request: Request,
    found: Recognised,
    file: str,
    content: CheckpointContent,
    backends: Mapping[str, DeclaredBackend],
) -> str:
    """`models/<name>/BUILD`; `backends` are those that there are, by name."""
    name = request.name
    whole = found.form in BUILDERS
    weights = [
        ("name", f"{name}_weights"),
        ("file", file),
        ("sha256", content.sha256),
        ("size", content.size),
        *([("whole_model", True)] if whole else []),
        ("license", request.license),
    ]
    fields: list[tuple[str, object]] = [
        ("name", name),
        ("builder", BUILDERS.get(found.form, f"models/{name}/builder.py")),
    ]
    if found.form is Form.SAFETENSORS:
        fields.append(("builder_resolve", "timm"))  # Its lock has the package safetensors.
    fields.append(("inputs", {spec.name: str(spec) for spec in request.inputs}))
    if request.imports:
        fields.append(("imports", list(request.imports)))
    if request.classes:
        fields.append(("allowed_classes", list(request.classes)))
    fields += [
        ("programs", {backend: {} for backend in request.backends}),
        (
            "bounds",
            {name: _bounds(backends[name], found, request.inputs) for name in request.backends},
        ),
    ]
    texts = [_call("model_weights", weights), _call("pte_model", fields)]
    if not whole:
        texts.insert(0, "python_sources()\n")
    texts.insert(
        len(texts) - 1,
        "# The bounds are wide. `./foundry thresholds --all`, after the tests, shows what was measured.\n",
    )
    return "\n".join(texts).replace("measured.\n\npte_model", "measured.\npte_model")


def _bounds(
    backend: DeclaredBackend, found: Recognised, inputs: Sequence[TensorSpec]
) -> dict[str, float]:
    """Thresholds that a good program keeps: errors of its precision, and budgets by the size of its weights.

    Memory has a budget where it follows the inputs, as of pictures: beside a few tokens anything is much.
    """
    ratio = backend.max_size_ratios.get(backend.precision, _USUAL_SIZE_RATIO)
    # The checkpoint's tensors may be of half precision, of which the unit, float32, is twice as large.
    ratio += _STRUCTURE_BYTES / max(found.data_bytes, 1)
    bounds = {"max_size_ratio": math.ceil(ratio * 100) / 100}
    if 4 * sum(math.prod(spec.shape) for spec in inputs) >= _LARGE_INPUTS_BYTES:
        bounds["max_planned_memory_ratio"] = 200.0
    if backend.precision != "fp32":
        bounds |= {"min_cosine": 0.999, "max_abs_difference": 0.5}
    return bounds


def _call(alias: str, fields: Sequence[tuple[str, object]]) -> str:
    lines = [f"{alias}("]
    for key, value in fields:
        lines += f"{key}={_literal(value)},".splitlines()
    return "\n".join([lines[0], *(f"    {line}" for line in lines[1:]), ")\n"])


def _literal(value: object) -> str:
    """Python as black would write it, in JSON's double quotes."""
    if isinstance(value, bool) or not isinstance(value, (dict, list)):
        return repr(value) if not isinstance(value, str) else json.dumps(value)
    if isinstance(value, list):
        return json.dumps(value)
    if not value:
        return "{}"
    inner = [f"    {json.dumps(key)}: {_flat(one)}," for key, one in value.items()]
    return "\n".join(["{", *inner, "}"])


def _flat(value: object) -> str:
    return json.dumps(value)


def card_text(request: Request, found: Recognised, file: str) -> str:
    """`models/<name>/README.md`: what is known, and what its owner is to say."""
    inputs = ", ".join(f"`{spec.name}`: `{spec}`" for spec in request.inputs)
    return f"""# {request.name}

What it is for, who trained it, on what: to be written.

| | |
|---|---|
| checkpoint | `{file}`, a {found.form.value}, pinned in BUILD |
| licence | {request.license} |
| input | {inputs}. What the values mean: to be written |
| output | see the program's report |
"""


def builder_text(request: Request) -> str:
    """`models/<name>/builder.py`, which names what is missing until somebody fills it in."""
    contracts = "\n".join(
        f'            InputContract("{spec.name}", {spec.shape!r}, "to be written", None),'
        for spec in request.inputs
    )
    name = request.name
    return f'''"""The architecture of `{name}`: its checkpoint has the values only."""

from __future__ import annotations

from torch import nn

from pte_foundry.errors import PteError
from pte_foundry.models.definition import (
    InputContract,
    ModelDefinition,
    OutputContract,
    takes_no_picture,
)
from pte_foundry.models.own.state_dict import plain_state_dict


def _architecture() -> nn.Module:
    """Return the module that the checkpoint was trained with, freshly constructed."""
    raise PteError(
        "bad-builder",
        "models/{name}/builder.py: a state_dict does not say what the model looks like. Construct it in "
        "`_architecture`, and name its outputs in `build`",
    )


def build(model: str) -> ModelDefinition:
    return ModelDefinition(
        module=_architecture().eval(),
        inputs=(
{contracts}
        ),
        outputs=(OutputContract("output", "to be written"),),
        checkpoint_globals=(),
        adapt_checkpoint=plain_state_dict,
        preprocess=takes_no_picture,
    )
'''
