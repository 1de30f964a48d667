"""The builder of the table's models: their weights are in the code."""

from __future__ import annotations

import torch

from operator_table.inside.rows import rows
from pte_foundry.models.definition import (
    InputContract,
    ModelDefinition,
    OutputContract,
    SavedModel,
    bare_state_dict,
)
from pte_foundry.models.own.outputs import output_names


def load(saved: SavedModel) -> ModelDefinition:
    """The model of the row `saved.name`. Nothing is read from a file."""
    module = rows()[saved.name].module()
    with torch.no_grad():
        returned = module(*(one.clone() for one in saved.samples[0]))
    return ModelDefinition(
        module,
        tuple(InputContract(name, shape, "") for name, shape in saved.inputs),
        tuple(OutputContract(name, "") for name in output_names(saved.name, returned, ())),
        bare_state_dict,
    )
