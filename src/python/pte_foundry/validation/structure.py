"""Whether the bytes are those that the report describes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    _get_extended_header,
)
from executorch.exir.version import EXECUTORCH_SCHEMA_VERSION  # type: ignore[import-untyped]

from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import ProgramFacts, TensorFacts
from pte_foundry.records.delegation import Delegation, listed
from pte_foundry.records.facts import Tensor
from pte_foundry.records.limits import Limits
from pte_foundry.records.promise import broken_promises, explanation
from pte_foundry.records.report import Report
from pte_foundry.records.tensor_spec import FLOAT_LIMITS, DynamicDim, TensorSpec
from pte_foundry.validation.budget import budget_cases
from pte_foundry.validation.case import Case, Outcome, run_case, run_case_for
from pte_foundry.validation.contract import contract_outcome
from pte_foundry.validation.inspected import Inspected, inspect_isolated
from pte_foundry.validation.machine_traces import machine_trace_case
from pte_foundry.validation.request import ValidationRequest

_REBUILD = "build program and report again from one commit"


def structure_cases(
    request: ValidationRequest, pte: bytes
) -> tuple[tuple[Case, ...], ProgramFacts | None]:
    """Digest, request, format, signature, contract, memory plan, budgets, delegation, traces of machines.

    Returns:
        The cases, and what the bytes say about themselves; None if they do not parse.
    """
    report = request.report
    parsed, inspected = run_case_for("parse", "structure", lambda: _parse(pte, request.limits))
    cases = [
        run_case("digest", "structure", lambda: _digest(report, pte)),
        run_case("report", "structure", lambda: _report_is_of_this_test(request)),
        machine_trace_case(pte, request.root),
        run_case("extent", "structure", lambda: extent_outcome(pte)),
        parsed,
    ]
    if inspected is None:
        return tuple(cases), None
    facts = inspected.facts
    # The number of operators before lowering is not in the bytes: it is the report's.
    delegation = Delegation(
        facts.delegates, facts.undelegated, report.delegation.operators_before_lowering
    )
    cases += [
        run_case("version", "structure", lambda: _version(report, inspected)),
        run_case("signature", "structure", lambda: _signature(report, facts)),
        run_case(
            "contract",
            "structure",
            lambda: contract_outcome(report.contract, facts.constant_methods),
        ),
        run_case("planned-memory", "budget", lambda: _planned_memory(report, facts)),
        *budget_cases(report, request.checks, len(pte), facts),
        run_case("delegation", "delegation", lambda: _delegation(report.delegation, delegation)),
        run_case("promise", "delegation", lambda: _promise(report, delegation)),
    ]
    return tuple(cases), facts


def signature_problems(
    what: str, stated: Sequence[Tensor], found: Sequence[tuple[tuple[int, ...], str]]
) -> tuple[str, ...]:
    """One sentence for each difference between the report's tensors and (shape, dtype) pairs."""
    if len(stated) != len(found):
        return (f"the report names {len(stated)} {what}s, but the program has {len(found)}",)
    return tuple(
        f"{what} {tensor.name!r} is {tensor.dtype}{list(tensor.shape)} in the report, but "
        f"{dtype}{list(shape)} in the program: {_REBUILD}"
        for tensor, (shape, dtype) in zip(stated, found)
        if (tensor.shape, tensor.dtype) != (shape, dtype)
    )


def _digest(report: Report, pte: bytes) -> Outcome:
    sha256 = hashlib.sha256(pte).hexdigest()
    problems = []
    if sha256 != report.sha256:
        problems.append(f"its SHA-256 is {sha256}, but the report says {report.sha256}: {_REBUILD}")
    if len(pte) != report.size:
        problems.append(f"it has {len(pte)} bytes, but the report says {report.size}: {_REBUILD}")
    measured = {"sha256": sha256, "size": len(pte)}
    return Outcome("SHA-256 and size are the report's", tuple(problems), measured)


def _report_is_of_this_test(request: ValidationRequest) -> Outcome:
    """The report publishes the checks, so they have to be those that are applied here."""
    declared, model = request.report.declared, request.model
    expected = {Path(path).name: label for path, label in request.photographs.items() if label}
    differences = (
        ("model", model.name, declared.model),
        ("weights source", model.weights.source, declared.weights.source),
        ("photographs and labels", expected, dict(request.checks.photographs)),
        (
            "inputs",
            [f"{spec.name}: {spec}" for spec in model.inputs],
            [f"{tensor.name}: {_declared(tensor)}" for tensor in request.report.inputs],
        ),
    )
    problems = tuple(
        f"{name}: the test has {here}, but the report {there}: {_REBUILD}"
        for name, here, there in differences
        if here != there
    )
    return Outcome("the report is for this model and these checks", problems)


def _declared(tensor: Tensor) -> str:
    """What the report says about an input, in the BUILD files' grammar."""
    description: Mapping[str, Any] = tensor.description
    try:
        dynamic = tuple(DynamicDim(**each) for each in description.get("dynamic", ()))
        values = description.get("values")
        number = float if tensor.dtype in FLOAT_LIMITS else int
        bounds = None if values is None else (number(values[0]), number(values[1]))
        return str(TensorSpec(tensor.name, tensor.dtype, tensor.shape, dynamic, bounds))
    except (TypeError, ValueError, IndexError) as error:
        raise PteError("structure", f"input {tensor.name!r} of the report: {error}") from error


def _parse(pte: bytes, limits: Limits) -> tuple[Outcome, Inspected]:
    return Outcome("the ExecuTorch deserializer reads it"), inspect_isolated(pte, limits)


def _version(report: Report, found: Inspected) -> Outcome:
    """The runtime on a device reads one format; the report says whose."""
    installed, stated = metadata.version("executorch"), report.versions["executorch"]
    problems = []
    if not found.has_identifier:
        problems.append("the bytes do not carry the identifier of ExecuTorch's programs")
    if found.schema_version != EXECUTORCH_SCHEMA_VERSION:
        problems.append(
            f"the bytes have schema version {found.schema_version}, but ExecuTorch {installed} writes "
            f"and reads {EXECUTORCH_SCHEMA_VERSION}"
        )
    if stated != installed:
        problems.append(
            f"the report says ExecuTorch {stated}, but the validating toolchain has {installed}: "
            f"{_REBUILD}"
        )
    measured = {"executorch": installed, "schema_version": found.schema_version}
    return Outcome(f"it is for ExecuTorch {installed}", tuple(problems), measured)


def _signature(report: Report, facts: ProgramFacts) -> Outcome:
    problems = (
        *signature_problems("input", report.inputs, _pairs(facts.inputs)),
        *signature_problems("output", report.outputs, _pairs(facts.outputs)),
    )
    return Outcome("inputs and outputs are the report's", problems)


def _pairs(tensors: Sequence[TensorFacts]) -> list[tuple[tuple[int, ...], str]]:
    return [(tensor.shape, tensor.dtype) for tensor in tensors]


def _planned_memory(report: Report, facts: ProgramFacts) -> Outcome:
    found, stated = list(facts.planned_memory_bytes), list(report.planned_memory_bytes)
    problem = f"it plans {found} bytes of memory, but the report says {stated}: {_REBUILD}"
    return Outcome(
        "the memory plan is the report's",
        (problem,) if found != stated else (),
        {"planned_memory_bytes": found},
    )


def extent_outcome(pte: bytes) -> Outcome:
    """Whether the file ends where its program ends.

    The extended header says where the segments (payloads, weights) begin and how long they are in total. The
    deserializer takes whatever is there: a file without its last byte parses, with a weight one byte short.
    """
    header = _get_extended_header(pte)
    if header is None or not header.segment_data_size:
        return Outcome("it has no segments")
    end = header.segment_base_offset + header.segment_data_size
    problem = (
        f"the file has {len(pte)} bytes, but its header says {end}: it was cut off, or something was added. "
        "Build or download it again"
    )
    return Outcome("it ends with its last segment", (problem,) if end != len(pte) else ())


def _delegation(stated: Delegation, found: Delegation) -> Outcome:
    problems = tuple(
        f"{what}: the bytes have {listed(here)}, but the report says {listed(there)}: {_REBUILD}"
        for what, here, there in (
            ("delegate calls", found.delegates, stated.delegates),
            ("undelegated operators", found.undelegated, stated.undelegated),
        )
        if dict(here) != dict(there)
    )
    return Outcome("delegation is the report's", problems, found.to_json())


def _promise(report: Report, found: Delegation) -> Outcome:
    broken = broken_promises(report.declared.promise, found)
    problems = (f"{report.declared.address}: {explanation(broken, found)}",) if broken else ()
    delegate = report.declared.promise.delegate or "no delegate"
    return Outcome(f"it calls {delegate} and keeps its floor", problems)
