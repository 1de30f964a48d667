"""Execute the graph of an MPS payload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pte_foundry.backends.content import PayloadContent
from pte_foundry.backends.interpreter import as_half, damaged, unknown
from pte_foundry.backends.mps.content import mps_content
from pte_foundry.backends.mps.operators import OPERATORS
from pte_foundry.backends.mps.payload import DTYPES, MpsPayload, read_payload
from pte_foundry.errors import PteError

_ABSENT = -1
_CAST = "MPSCast"
# Fields of a node that name its results, in order. Of a normalisation or a pooling only the first is
# ever used: the others are statistics and indices, which inference drops.
_RESULTS = ("output_id", "output1_id")


@dataclass(frozen=True)
class MpsProgram:
    """An MPS graph.

    What an operator gets in float16 it returns in float16. The types with which the payload declares
    intermediate values are those of the exported program, before its conversion, and say nothing.
    """

    payload: MpsPayload

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """See `pte_foundry.backends.interpreter.InterpretedProgram`."""
        graph = self.payload.graph
        values = {place: self._constant(place) for place in graph["constant_ids"]}
        if len(inputs) != len(graph["input_ids"]):
            raise damaged(
                "the MPS graph", f"it takes {len(graph['input_ids'])} inputs, given {len(inputs)}"
            )
        for place, given in zip(graph["input_ids"], inputs):
            self._check_shape(place, given, f"input {place}")
            values[place] = given
        halves = {
            place
            for place in graph["constant_ids"]
            if self.payload.tensor_type(place, f"constant {place}")[0] == torch.float16
        }
        for number, node in enumerate(graph["mps_nodes"]):
            self._execute(number, node, values, halves)
        if missing := [place for place in graph["output_ids"] if place not in values]:
            raise damaged("the MPS graph", f"nothing computes its outputs {missing}")
        return [values[place] for place in graph["output_ids"]]

    def content(self) -> PayloadContent:
        """See `pte_foundry.backends.interpreter.InterpretedProgram`."""
        return mps_content(self.payload)

    def broken_options(self, options: Mapping[str, str]) -> tuple[str, ...]:
        """The only option says float16, and that is looked at for every backend."""
        return ()

    def _constant(self, place: int) -> Tensor:
        constant = self.payload.constant(place, f"constant {place}")
        return constant.to(torch.float32) if constant.is_floating_point() else constant

    def _execute(
        self, number: int, node: Mapping[str, Any], values: dict[int, Tensor], halves: set[int]
    ) -> None:
        kind = node["mpsnode_union_type"]
        where = f"node {number} ({kind})"
        if kind not in OPERATORS:
            raise unknown(where, "the interpreter does not have this operator")
        fields = {**node["mpsnode_union"], "min_max": node.get("min_max")}
        used: list[int] = []

        def get(name: str) -> Any:
            if isinstance(fields[name], list):
                return [find(place) for place in fields[name]]
            return None if fields[name] == _ABSENT else find(fields[name])

        def find(place: int) -> Tensor:
            if place not in values:
                raise damaged(where, f"it reads value {place}, which nothing defines")
            used.append(place)
            return values[place]

        try:
            results = OPERATORS[kind](fields, get)
        except PteError:
            raise
        except (RuntimeError, TypeError, ValueError, KeyError, IndexError) as error:
            # Whatever torch says of arguments that do not fit together.
            raise damaged(where, f"it cannot be computed ({error})") from error
        if kind == _CAST:
            half = DTYPES[fields["dtype"]] == torch.float16
        else:
            # Integers take part in the other argument's type.
            floats = {place in halves for place in used if values[place].is_floating_point()}
            if len(floats) > 1:
                raise unknown(where, "its arguments are of float16 and of float32")
            half = True in floats
        for place, result in zip(self._results(fields, where), results):
            self._check_shape(place, result, where)
            values[place] = as_half(result) if half else result
            if half:
                halves.add(place)

    def _results(self, fields: Mapping[str, Any], where: str) -> list[int]:
        if "output_ids" in fields:
            return list(fields["output_ids"])
        found = [fields[name] for name in _RESULTS if name in fields]
        if not found:
            raise damaged(where, "it has no result")
        return found

    def _check_shape(self, place: int, result: Tensor, where: str) -> None:
        _, shape = self.payload.tensor_type(place, where)
        if tuple(result.shape) != shape:
            raise damaged(
                where, f"value {place} is declared as {shape}, computed {tuple(result.shape)}"
            )


def interpret(payload: bytes, named_data: Mapping[str, bytes]) -> MpsProgram:
    """Read a payload of the delegate `MPSBackend`.

    Args:
        named_data: of the program; the payload has all that it needs.

    Raises:
        PteError: as `read_payload` does.
    """
    return MpsProgram(read_payload(payload))
