"""Run a program and say where its time goes: `python -m explain.inside.profile_program REQUEST PROGRAM OUTPUT`.

Runs in a copy of an export's sandbox, in its toolchain: REQUEST is the export's own, and PROGRAM what it wrote. Into
the folder OUTPUT go

    profile.json              see `profile_json`
    etdump.etdp               what the runtime measured, for ExecuTorch's Inspector
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    deserialize_pte_binary,
)
from executorch.exir.schema import DelegateCall, KernelCall  # type: ignore[import-untyped]
from executorch.extension.pybindings import portable_lib  # type: ignore[import-untyped]
from executorch.runtime import Runtime  # type: ignore[import-untyped]

from explain.inside.etrecord_import import skip_package_init
from pte_foundry.errors import PteError
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields

PROFILE = "profile.json"
ETDUMP = "etdump.etdp"
THREADS = 1
WARM_UPS = 2
MOST_RUNS, LEAST_RUNS, SECONDS = 20, 3, 10.0
_METHOD = "forward"
_WHOLE_RUN = "Method::execute"
# Events of an instruction as a whole.
_CALLS = ("OPERATOR_CALL", "DELEGATE_CALL")
_NANOSECONDS = 1e6  # in a millisecond


def profile(request: ExportRequest, program: Path, output: Path) -> None:
    """Measure, and write the files above into the existing folder `output`.

    Raises:
        PteError: `not-executable` if this runtime lacks a delegate of the program, or writes no ETDump.
    """
    plan = deserialize_pte_binary(program.read_bytes()).program.execution_plan[0]
    registry = Runtime.get().backend_registry
    missing = sorted({each.id for each in plan.delegates if not registry.is_available(each.id)})
    if missing:
        raise PteError(
            "not-executable",
            f"the runtime on this machine has no {', '.join(missing)}, so there is nothing to measure. Profile a "
            "program for portable or xnnpack, or run this one on a device with an ETDump (docs/debugging.md)",
        )
    # Threads of torch would compete with those of the runtime.
    torch.set_num_threads(1)
    portable_lib._unsafe_reset_threadpool(THREADS)
    loaded = Runtime.get().load_program(program, enable_etdump=True)
    method = loaded.load_method(_METHOD)
    (inputs,) = fixed_inputs(request.model.inputs, 1)
    for _ in range(WARM_UPS):
        start = time.perf_counter()
        method.execute(inputs)
        seconds = time.perf_counter() - start
    for _ in range(max(LEAST_RUNS, min(MOST_RUNS, int(SECONDS / seconds)))):
        method.execute(inputs)
    etdump = output / ETDUMP
    loaded.write_etdump_result_to_file(str(etdump), str(output / "debug.bin"))
    if not etdump.is_file():
        raise PteError(
            "not-executable",
            "the runtime of this toolchain writes no ETDump. ExecuTorch 1.5 and later do, on Linux",
        )
    text = json.dumps(profile_json(plan, _blocks(etdump)), indent=2)
    (output / PROFILE).write_text(text + "\n", encoding="utf-8")


def _blocks(etdump: Path) -> list[list[Any]]:
    """The events of each run, the warm-ups left out."""
    skip_package_init()
    from executorch.devtools.etdump.serialize import (  # type: ignore[import-untyped]
        deserialize_from_etdump_flatcc,
    )

    dump = deserialize_from_etdump_flatcc(etdump.read_bytes())
    blocks = [
        [event.profile_event for event in block.events or () if event.profile_event is not None]
        for block in dump.run_data
    ]
    runs = [block for block in blocks if any(event.name == _WHOLE_RUN for event in block)]
    return runs[WARM_UPS:]


def profile_json(plan: Any, blocks: Sequence[Sequence[Any]]) -> dict[str, object]:
    """JSON types only. Times are medians over all runs.

    threads, runs      of the measurement
    milliseconds       of a run
    calls              each instruction that is an operator or a delegate: its kind, name and milliseconds; for a
                       delegate also `parts`, the operators that it measured itself, if it does

    Args:
        plan: of the program's method.
        blocks: the events of each run.
    """
    calls = []
    instructions = plan.chains[0].instructions
    for number, instruction in enumerate(instructions):
        named = _named(plan, instruction.instr_args)
        if named is None:
            continue
        kind, name = named
        own = [[event for event in block if _is_of(event, number)] for block in blocks]
        whole = _median([event for event in events if event.name in _CALLS] for events in own)
        parts: dict[str, dict[str, object]] = {}
        if kind == "delegate":
            for part in dict.fromkeys(_part(event) for events in own for event in events):
                if part is not None:
                    times = ([event for event in events if _part(event) == part] for events in own)
                    parts[part] = {"name": part, "milliseconds": _median(times)}
        calls.append(
            {"kind": kind, "name": name, "milliseconds": whole, "parts": list(parts.values())}
        )
    whole = _median([event for event in block if event.name == _WHOLE_RUN] for block in blocks)
    return {"threads": THREADS, "runs": len(blocks), "milliseconds": whole, "calls": calls}


def _named(plan: Any, instruction: Any) -> tuple[str, str] | None:
    if isinstance(instruction, KernelCall):
        operator = plan.operators[instruction.op_index]
        return "operator", ".".join(each for each in (operator.name, operator.overload) if each)
    if isinstance(instruction, DelegateCall):
        return "delegate", plan.delegates[instruction.delegate_index].id
    return None


def _is_of(event: Any, instruction: int) -> bool:
    return bool(event.chain_index == 0 and event.instruction_id == instruction)


def _part(event: Any) -> str | None:
    """What a delegate says of an event of its own; None for other events."""
    if event.delegate_debug_id_str:
        return str(event.delegate_debug_id_str)
    number = event.delegate_debug_id_int
    return None if number is None or number < 0 else f"operator {number}"


def _median(runs: Iterable[Sequence[Any]]) -> float:
    """Milliseconds, of the sums of each run's events."""
    sums = [sum(event.end_time - event.start_time for event in events) for events in runs]
    return statistics.median(sums) / _NANOSECONDS if sums else 0.0


def main(arguments: Sequence[str]) -> int:
    """0, or 1 after a message on stderr."""
    parser = argparse.ArgumentParser(prog="python -m explain.inside.profile_program")
    for name in ("request", "program", "output"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args(arguments)
    try:
        content = json.loads(options.request.read_text(encoding="utf-8"))
        request = ExportRequest.read(Fields.of(content, options.request.name))
        profile(request, options.program, options.output)
    except PteError as error:
        print(f"pte-foundry: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
