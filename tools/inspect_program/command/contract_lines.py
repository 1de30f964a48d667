"""The contract that a program of this repository states, for a person."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from inspect_program.command.program_file import ProgramFile
from pte_foundry.errors import PteError
from pte_foundry.records.contract import GET_CONTRACT, Contract
from pte_foundry.records.json_fields import Fields


def contract_of(program: ProgramFile) -> Contract | None:
    """None for a program that states none, or one of another form."""
    for method in program.methods:
        if method.name == GET_CONTRACT and method.constant is not None:
            try:
                return Contract.read(Fields.of(json.loads(method.constant), GET_CONTRACT))
            except (ValueError, RecursionError, PteError):
                return None
    return None


def contract_rows(contract: Contract) -> Iterator[tuple[str, str]]:
    """Title and text of each line."""
    yield "model", contract.model
    yield "backend", contract.backend
    yield "precision", contract.precision
    yield "labels", "none" if contract.labels_sha256 is None else f"sha256 {contract.labels_sha256}"
    for tensor in contract.inputs:
        shape = json.dumps(tensor["shape"], separators=(",", ":"))
        yield "input", f"{tensor['name']}: {tensor['dtype']}{shape}"
        for name, value in sorted(tensor.items()):
            if name not in ("name", "dtype", "shape") and value is not None:
                yield "", f"{name}: {_text(value)}"
    for tensor in contract.outputs:
        yield "output", f"{tensor['name']}: {tensor['description']}"


def _text(value: object) -> str:
    """A JSON value without the marks that a person does not need."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(one)}" for name, one in sorted(value.items()))
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value) if _nested(value) else f"{value}"
    return str(value)


def _nested(values: list[object]) -> bool:
    return any(isinstance(one, (Mapping, list)) for one in values)
