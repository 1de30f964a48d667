"""Builder of models that are exported programs (`.pt2`, `torch.export.save`)."""

from __future__ import annotations

from pte_foundry.models.checkpoints.exported_archive import load_exported_archive, torch_refusals
from pte_foundry.models.definition import ModelDefinition, SavedModel
from pte_foundry.models.own.calling import in_declared_order, plain_module
from pte_foundry.models.own.loaded import (
    loaded_definition,
    refuse_random_numbers,
    refuse_training_mode,
)


def load(saved: SavedModel) -> ModelDefinition:
    """The program's graph and weights. A dimension that it has fixed cannot be declared dynamic.

    Raises:
        PteError: `bad-checkpoint`, `forbidden-pickle` as `load_exported_archive`; `bad-checkpoint` for a
            program in training mode; `bad-input-shape`, `bad-builder` as `loaded_definition`.
    """
    program = load_exported_archive(saved.path, saved.operators)
    with torch_refusals(saved.path.name):
        refuse_training_mode(saved.path.name, program)
        refuse_random_numbers(saved.path.name, program)
        module = plain_module(program)
    in_declared_order(saved, module)
    return loaded_definition(saved, module)
