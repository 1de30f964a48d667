from __future__ import annotations

from typing import Any

import pytest
import torch
from executorch.exir import to_edge  # type: ignore[import-untyped]
from torch.export import ExportedProgram
from torch.fx import Node

from pte_foundry.backends.left_to_kernels import lower_without_refused
from pte_foundry.backends.lowering import Lowered, LoweringRequest


class _Double(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(x + 1) + 2


def _request() -> LoweringRequest:
    program = to_edge(torch.export.export(_Double(), (torch.ones(2),))).exported_program()
    return LoweringRequest(program, "fp32", {})


def _name(target: object) -> str:
    return str(getattr(target, "__name__", ""))


def _compile(program: ExportedProgram, fails_at: set[str], error: type[Exception]) -> None:
    """A compiler that has a node of the graph at hand, as those of backends have."""
    for node in program.graph.nodes:
        if isinstance(node, Node) and _name(node.target) in fails_at:
            raise error(f"no {_name(node.target)}")


def test_each_attempt_leaves_one_more_operator() -> None:
    attempts: list[frozenset[Any]] = []
    done = Lowered(None, 0)

    def lower(request: LoweringRequest, refused: frozenset[Any]) -> Lowered:
        attempts.append(refused)
        fails_at = {"aten.sigmoid.default", "aten.add.Tensor"} - set(map(_name, refused))
        _compile(request.exported_program, fails_at, ValueError)
        return done

    assert lower_without_refused(_request(), lower) is done
    assert [len(one) for one in attempts] == [0, 1, 2]


def test_an_operator_that_is_not_left_out_ends_it() -> None:
    def lower(request: LoweringRequest, refused: frozenset[Any]) -> Lowered:
        _compile(request.exported_program, {"aten.sigmoid.default"}, ValueError)
        raise AssertionError("unreachable")

    with pytest.raises(ValueError, match="no aten.sigmoid.default"):
        lower_without_refused(_request(), lower)


@pytest.mark.parametrize("error", [OSError, MemoryError])
def test_what_is_wrong_with_the_machine_changes_no_program(error: type[Exception]) -> None:
    attempts: list[frozenset[Any]] = []

    def lower(request: LoweringRequest, refused: frozenset[Any]) -> Lowered:
        attempts.append(refused)
        _compile(request.exported_program, {"aten.sigmoid.default"}, error)
        raise AssertionError("unreachable")

    with pytest.raises(error):
        lower_without_refused(_request(), lower)
    assert attempts == [frozenset()]


def test_only_operators_of_the_edge_dialect_can_be_left_out() -> None:
    """A partitioner would not know the others, such as control flow, and the error is the one to show."""
    program = torch.export.export(_Double(), (torch.ones(2),))

    def lower(request: LoweringRequest, refused: frozenset[Any]) -> Lowered:
        _compile(request.exported_program, {"sigmoid.default"}, ValueError)
        raise AssertionError("unreachable")

    with pytest.raises(ValueError, match="no sigmoid.default"):
        lower_without_refused(LoweringRequest(program, "fp32", {}), lower)


def test_an_error_about_no_operator_is_the_last() -> None:
    def lower(request: LoweringRequest, refused: frozenset[Any]) -> Lowered:
        raise ValueError("about nothing")

    with pytest.raises(ValueError, match="about nothing"):
        lower_without_refused(_request(), lower)
