"""What a backend makes of one row: exported as any program is, and run where this machine can."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from operator_table.columns import Column
from operator_table.inside.rows import Row
from pte_foundry.causes import Cause
from pte_foundry.errors import PteError
from pte_foundry.exporting.export import export
from pte_foundry.inspection.delegation import ProgramFacts, inspect_program
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.model_request import ModelRequest, WeightsRequest
from pte_foundry.records.tensor_spec import parse_tensor_spec
from pte_foundry.validation.runtime import load_program, unregistered_delegates

DELEGATE, KERNELS, REFUSED, FAILS = "delegate", "kernels", "no", "fails"
_BUILDER = "operator_table.inside.model"
# Operators that are named in a cell; of more, the number.
_NAMED = 3
_MISSING = re.compile(r"^    (\w+::\w+)[\w. ]*: ", re.M)


def judge(row: Row, column: Column) -> str:
    """The cell, one of

    delegate                 the delegate takes everything
    delegate but `a`, `b`    all but these operators, which portable kernels compute
    kernels                  portable kernels compute everything
    fails                    exported, and then the runtime refuses it
    no: cause                refused; the name of a `Cause` in lower case, with the operators that have no kernel

    A program is run if the runtime on this machine has its delegate.

    Raises:
        AssertionError: for a program that computes something else than the model.
    """
    specs = tuple(parse_tensor_spec(f"x{n}", text) for n, text in enumerate(row.inputs))
    # The builder needs no file; it has to exist.
    weights = WeightsRequest("substitute", Path(__file__).name)
    request = ExportRequest(
        ModelRequest(row.name, _BUILDER, specs, weights),
        column.backend,
        column.lowering,
        column.precision,
        column.options,
        column.rewrites,
    )
    try:
        pte = export(request, Path(__file__).parent, begin=lambda _: None).pte
    except PteError as error:
        return f"{REFUSED}: {_cause(error)}"
    facts = inspect_program(pte)
    if not unregistered_delegates(facts.delegates):
        (inputs,) = fixed_inputs(specs, 1)
        try:
            found = load_program(pte).run(inputs)
        except RuntimeError:
            return FAILS
        _compare(row, inputs, found)
    return _taken(facts)


def _taken(facts: ProgramFacts) -> str:
    if not facts.delegate_calls:
        return KERNELS
    left = sorted({name.partition("::")[2].partition(".")[0] for name in facts.undelegated})
    if not left:
        return DELEGATE
    more = [f"{len(left) - _NAMED} more"] if len(left) > _NAMED else []
    return f"{DELEGATE} but {', '.join([*(f'`{name}`' for name in left[:_NAMED]), *more])}"


def _cause(error: PteError) -> str:
    for cause in Cause:
        if cause.advice in error.message:
            names = sorted({name.partition("::")[2] for name in _MISSING.findall(error.message)})
            return " ".join([cause.name.lower(), *(f"`{name}`" for name in names)])
    return Cause.OTHER.name.lower()


def _compare(row: Row, inputs: Sequence[Tensor], found: Sequence[Tensor]) -> None:
    with torch.no_grad():
        expected: list[Tensor] = pytree.tree_leaves(row.module()(*(one.clone() for one in inputs)))
    assert len(found) == len(expected), f"{row.name}: {len(found)} outputs"
    for ours, theirs in zip(found, expected):
        torch.testing.assert_close(
            ours,
            theirs,
            rtol=1e-3,
            atol=1e-3,
            equal_nan=True,
            msg=lambda said: f"{row.name}: {said}",
        )
