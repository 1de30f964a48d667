"""Exported programs as ordinary modules."""

from __future__ import annotations

from torch.export import ExportedProgram
from torch.fx import GraphModule

from pte_foundry.errors import PteError

# Operator -> place of its argument `training`.
_TRAINING = {"aten::batch_norm": 5, "aten::dropout": 2, "aten::native_dropout": 2}


def plain_module(program: ExportedProgram) -> GraphModule:
    """The program's graph with its weights, as a module like any other.

    What `ExportedProgram.module` returns refuses `eval`, and checks inputs against the sizes that it was
    exported with; the checks of ours are on what the BUILD file declares.
    """
    module = program.module(check_guards=False)
    return GraphModule(module, module.graph)


def refuse_training_mode(file: str, program: ExportedProgram) -> None:
    """A graph has no mode to be switched: what was saved in training mode stays so.

    Raises:
        PteError: `bad-checkpoint`.
    """
    for node in program.graph.nodes:
        schema = getattr(node.target, "_schema", None)
        place = _TRAINING.get(getattr(schema, "name", ""))
        if place is not None and len(node.args) > place and node.args[place] is True:
            raise PteError(
                "bad-checkpoint",
                f"{file}: it was saved in training mode (its {node.target} is). Call .eval() on the model "
                "and save it again",
            )
