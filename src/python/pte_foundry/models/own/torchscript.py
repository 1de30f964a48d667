"""Builder of models that are TorchScript files (`torch.jit.save`).

The code of such a file is not Python, but of TorchScript's own interpreter, which has operators that write
files, load libraries and open connections. So all of it is read as text first (`torchscript_code`), and
torch gets a copy that has nothing else in it (`torchscript_archive`). What is left only computes; how long it takes
is up to the file.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

# Not public, but named in the error with which `torch.export.export` refuses scripts.
from torch._export.converter import TS2EPConverter

from pte_foundry.errors import PteError, reason_of
from pte_foundry.models.checkpoints.refusal import refusing
from pte_foundry.models.checkpoints.values import check_values
from pte_foundry.models.definition import ModelDefinition, SavedModel
from pte_foundry.models.own.loaded import (
    check_same,
    loaded_definition,
    plain_module,
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
    script = _read(saved)
    expected = run_samples(saved, script)
    try:
        with torch.no_grad():
            program = TS2EPConverter(script, saved.samples[0]).convert()
    except Exception as error:
        raise PteError(
            "bad-checkpoint",
            f"{saved.path.name}: torch cannot convert this TorchScript to a graph: {reason_of(error)}. Save the "
            "model as .pt2 with torch.export.save, or write a Python builder for its state_dict",
        ) from error
    refuse_training_mode(saved.path.name, program)
    module = plain_module(program)
    _mark_parameters(module, [name for name, _ in script.named_parameters()])
    check_same(saved, "the graph converted from TorchScript", expected, run_samples(saved, module))
    return loaded_definition(saved, module)


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


def _mark_parameters(module: nn.Module, names: Sequence[str]) -> None:
    """Turn buffers that the conversion made of parameters back: reports count parameters."""
    for name in names:
        path, _, attribute = name.rpartition(".")
        try:
            owner = module.get_submodule(path)
        except AttributeError:
            continue  # Not used by `forward`.
        value = owner._buffers.pop(attribute, None)
        if value is not None:
            owner.register_parameter(attribute, nn.Parameter(value, requires_grad=False))
