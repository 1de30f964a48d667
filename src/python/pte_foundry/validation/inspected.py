"""What the bytes of a program say, read in a separate process.

ExecuTorch's deserializer is Python, but follows any length and offset in the bytes: they can make it loop for
hours, or allocate all memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from executorch.exir._serialize.generated.executorch_flatbuffer.Program import (  # type: ignore[import-untyped]
    Program,
)

from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import ProgramFacts, TensorFacts, inspect_program
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.limits import Limits
from pte_foundry.validation.isolation.child_process import ChildProcess, Facts, Serve


@dataclass(frozen=True)
class Inspected:
    """What the bytes say.

    Attributes:
        has_identifier: whether the file has the format that this ExecuTorch reads.
        schema_version: the program's; 0 for all versions of ExecuTorch so far.
    """

    facts: ProgramFacts
    has_identifier: bool
    schema_version: int


def inspect_isolated(pte: bytes, limits: Limits) -> Inspected:
    """Inspect an untrusted program.

    Raises:
        PteError: `structure` if the bytes are not a program; `crash`, `time-limit` or `memory-limit` if
            they ended the process that read them.
    """

    def start() -> tuple[Facts, Mapping[str, Serve]]:
        facts = asdict(inspect_program(pte))
        flat = Program.GetRootAs(pte, 0)
        return {
            "facts": facts,
            "has_identifier": bool(Program.ProgramBufferHasIdentifier(pte, 0)),
            "schema_version": int(flat.Version()),
        }, {}

    with ChildProcess(start, limits) as child:
        return _read(Fields(child.facts, "the facts"))


def _read(answer: Fields) -> Inspected:
    try:
        facts = answer.nested("facts")
        return Inspected(
            ProgramFacts(
                facts.count_map("delegates"),
                facts.count_map("undelegated"),
                facts.counts("planned_memory_bytes"),
                _tensors(facts, "inputs"),
                _tensors(facts, "outputs"),
                _constant_methods(facts.nested("constant_methods")),
            ),
            answer.get("has_identifier") is True,
            answer.count("schema_version"),
        )
    except PteError as error:
        raise PteError(
            "structure", f"the process that read the bytes answered with nonsense ({error.message})"
        ) from error


def _constant_methods(methods: Fields) -> dict[str, tuple[str, ...]]:
    return {name: methods.texts(name) for name in methods.values}


def _tensors(facts: Fields, name: str) -> tuple[TensorFacts, ...]:
    return tuple(
        TensorFacts(one.counts("shape"), one.text("dtype"), one.counts("dim_order"))
        for one in facts.objects(name)
    )
