"""Builder of models that are TorchScript files (`torch.jit.save`).

The code of such a file is not Python, but of TorchScript's own interpreter, which has operators that write
files, load libraries and open connections. So all of it is read as text first (`torchscript_code`), and
torch gets a copy that has nothing else in it (`torchscript_archive`). What is left only computes; how long it takes
is up to the file.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

# Not public, but named in the error with which `torch.export.export` refuses scripts.
from torch._export.converter import TS2EPConverter

from pte_foundry.causes import whole_message
from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.refusal import refusing
from pte_foundry.models.checkpoints.values import check_values
from pte_foundry.models.definition import ModelDefinition, SavedModel
from pte_foundry.models.forward import kept_state
from pte_foundry.models.own.calling import plain_module
from pte_foundry.models.own.loaded import (
    check_same,
    loaded_definition,
    refuse_random_numbers,
    refuse_training_mode,
    run_samples,
)
from pte_foundry.models.own.torchscript_archive import checked_archive

_FORBIDDEN = ("aten::from_file", "aten::save", "prim::PythonOp", "prim::fork", "prim::CallMethod")
"""A second check, of the graph that torch made: operators that reach out of the model, and calls that were
not inlined because their target is an interface."""


def load(saved: SavedModel) -> ModelDefinition:
    """Convert the script to a graph that can be exported, and compare it with the script's own outputs.

    Raises:
        PteError: `bad-checkpoint` if the file is not TorchScript, has code that does more than compute or
            values that are not finite, or cannot be converted without changing what it computes; `bad-input-shape`,
            `bad-builder` as `loaded_definition`.
    """
    script = _bound(_read(saved), saved)
    expected = run_samples(saved, script)
    try:
        with torch.no_grad(), kept_state(script):
            copies = tuple(one.clone() for one in saved.samples[0])
            program = TS2EPConverter(script, copies).convert()
    except Exception as error:
        raise PteError(
            "bad-checkpoint",
            f"{saved.path.name}: torch cannot convert this TorchScript to a graph: {whole_message(error)}. Save the "
            "model as .pt2 with torch.export.save, or write a Python builder for its state_dict",
        ) from error
    refuse_training_mode(saved.path.name, program)
    refuse_random_numbers(saved.path.name, program)
    module = plain_module(program)
    _mark_parameters(module, script)
    check_same(saved, "the graph converted from TorchScript", expected, run_samples(saved, module))
    return loaded_definition(saved, module)


class _Bound(nn.Module):
    """A script that takes the declared inputs.

    Attributes:
        keys: under which it takes the last ones, in a dict; empty if it takes none.
    """

    def __init__(self, script: torch.jit.ScriptModule, keys: Sequence[str]) -> None:
        super().__init__()
        self.script = script
        self.keys = keys

    def forward(self, *inputs: Tensor) -> Any:
        plain = len(inputs) - len(self.keys)
        batch = dict(zip(self.keys, inputs[plain:]))
        return self.script(*inputs[:plain], *([batch] if self.keys else []))


def _bound(script: torch.jit.ScriptModule, saved: SavedModel) -> torch.jit.ScriptModule:
    """The script itself, or one that takes tensors where the script takes a dict of them, by the declared names,
    and leaves out the optional arguments of which no input is declared."""
    schema: Any = script.forward.schema  # type: ignore[attr-defined]
    arguments = schema.arguments[1:]
    names = [name for name, _ in saved.inputs]
    dicts = [place for place, one in enumerate(arguments) if "Dict[str, Tensor]" in str(one.type)]
    keys = names[dicts[0] :] if len(dicts) == 1 else []
    left_out = arguments[dicts[0] + 1 :] if keys else arguments[len(names) :]
    if not all(one.has_default_value() for one in left_out) or not (keys or left_out):
        return script
    with torch.no_grad(), kept_state(script), warnings.catch_warnings():
        # Branches on what is left out are decided, others stay: the script is called, not traced.
        warnings.simplefilter("ignore")
        copies = tuple(one.clone() for one in saved.samples[0])
        bound: torch.jit.ScriptModule = torch.jit.trace(  # type: ignore[no-untyped-call]
            _Bound(script, keys).eval(), copies, check_trace=False, strict=False
        )
    return bound


def _read(saved: SavedModel) -> torch.jit.ScriptModule:
    with refusing(saved.path.name, "is no readable TorchScript"):
        script = torch.jit.load(  # type: ignore[no-untyped-call]
            checked_archive(saved.path), map_location="cpu"
        )
    check_values(script, saved.path.name)
    script.eval()
    graph = script.inlined_graph
    # Also in the branches of conditions and loops.
    forbidden = [kind for kind in _FORBIDDEN if graph.findAllNodes(kind, recurse=True)]
    if forbidden:
        raise PteError(
            "bad-checkpoint",
            f"{saved.path.name}: the script calls {', '.join(forbidden)}, which reaches out of the model. "
            "Remove that from the model and save it again",
        )
    return script  # type: ignore[no-any-return]


def _mark_parameters(module: nn.Module, script: torch.jit.ScriptModule) -> None:
    """Turn buffers and constants that the conversion made of parameters back: reports count parameters.

    It renames some, as the weights of a scripted LSTM, which its code keeps in a list. Those are known by their
    values.
    """
    parameters = dict(script.named_parameters())
    buffers = dict(script.named_buffers(remove_duplicate=False))
    found = _tensors(module)
    renamed = [one for name, one in parameters.items() if name not in found]
    made: dict[int, nn.Parameter] = {}
    for name, (owner, attribute, value) in found.items():
        if name in buffers:
            continue
        known = [parameters[name]] if name in parameters else renamed
        same = next((one for one in known if _same(one, value)), None)
        if same is None:
            continue
        if attribute in owner._buffers:
            del owner._buffers[attribute]
        else:
            delattr(owner, attribute)
        parameter = made.setdefault(id(same), nn.Parameter(value, requires_grad=False))
        owner.register_parameter(attribute, parameter)


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype and torch.equal(one, other)


def _tensors(module: nn.Module) -> dict[str, tuple[nn.Module, str, Tensor]]:
    """Buffers, and tensors that are plain attributes: dotted name -> their owner, their name there, themselves."""
    return {
        f"{path}.{name}" if path else name: (owner, name, value)
        for path, owner in module.named_modules()
        for name, value in [*owner._buffers.items(), *vars(owner).items()]
        if isinstance(value, Tensor)
    }
