"""Recurrent layers as the linear layers that they are made of, so that these can be quantized, and are counted."""

from __future__ import annotations

import torch
from torch._decomp import decomposition_table
from torch.export import ExportedProgram

_ATEN = torch.ops.aten
_RECURRENT = (
    _ATEN.gru.input,
    _ATEN.lstm.input,
    _ATEN.rnn_relu.input,
    _ATEN.rnn_tanh.input,
)


def without_recurrent_layers(program: ExportedProgram) -> ExportedProgram:
    """The same program, with each step of a recurrent layer written out; the program itself if it has none.

    Backends do the same when they lower.
    """
    called = {node.target for node in program.graph.nodes}
    table = {one: decomposition_table[one] for one in _RECURRENT if one in called}
    return program.run_decompositions(table) if table else program
