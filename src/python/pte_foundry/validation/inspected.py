"""What the bytes of a program say, found out in a process of its own.

ExecuTorch's deserializer is Python, but follows whatever lengths and offsets stand in the bytes: it can
be made to loop for hours, or to ask for all memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from executorch.exir._serialize.generated.executorch_flatbuffer.Program import (  # type: ignore[import-untyped]
    Program,
)

from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import ProgramFacts, TensorFacts, inspect_program
from pte_foundry.validation.isolation.child_process import ChildProcess, Facts, Run, run_nothing
from pte_foundry.validation.isolation.limits import Limits


@dataclass(frozen=True)
class Inspected:
    """What the bytes say.

    Attributes:
        has_identifier: whether the file's format is the one that this ExecuTorch reads.
        schema_version: number in the program; 0 for all versions of ExecuTorch so far.
    """

    facts: ProgramFacts
    has_identifier: bool
    schema_version: int


def inspect_isolated(pte: bytes, limits: Limits) -> Inspected:
    """Inspect a program that nobody has vouched for.

    Raises:
        PteError: `structure` if the bytes are no program; `crash`, `time-limit` or `memory-limit` if
            they ended the process that read them.
    """

    def start() -> tuple[Facts, Run]:
        facts = asdict(inspect_program(pte))
        flat = Program.GetRootAs(pte, 0)
        return {
            "facts": facts,
            "has_identifier": bool(Program.ProgramBufferHasIdentifier(pte, 0)),
            "schema_version": int(flat.Version()),
        }, run_nothing

    with ChildProcess(start, limits) as child:
        return _read(child.facts)


def _read(told: Mapping[str, Any]) -> Inspected:
    try:
        facts = dict(told["facts"])
        for name in ("inputs", "outputs"):
            facts[name] = tuple(
                TensorFacts(tuple(each["shape"]), each["dtype"], tuple(each["dim_order"]))
                for each in facts[name]
            )
        facts["planned_memory_bytes"] = tuple(facts["planned_memory_bytes"])
        return Inspected(
            ProgramFacts(**facts), bool(told["has_identifier"]), int(told["schema_version"])
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PteError(
            "structure", f"the process that read the bytes answered with nonsense ({error})"
        ) from error
