"""Whether the bytes are those that the report describes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pte_foundry.inspection.delegation import ProgramFacts, TensorFacts, inspect_program
from pte_foundry.reporting.report import Report, Tensor
from pte_foundry.validation.case import Case, Outcome, run_case, run_case_for
from pte_foundry.validation.extent import extent_outcome
from pte_foundry.validation.request import ValidationRequest

_REBUILD = "build program and report again from one commit"


def structure_cases(
    request: ValidationRequest, pte: bytes
) -> tuple[tuple[Case, ...], ProgramFacts | None]:
    """Digest, request, format, signature and memory plan.

    Returns:
        The cases, and what the bytes say of themselves; None if they do not parse.
    """
    report = request.report
    parsed, facts = run_case_for("parse", "structure", lambda: _parse(pte))
    cases = [
        run_case("digest", "structure", lambda: _digest(report, pte)),
        run_case("report", "structure", lambda: _report_is_of_this_test(request)),
        run_case("extent", "structure", lambda: extent_outcome(pte)),
        parsed,
    ]
    if facts is not None:
        found = facts
        cases += [
            run_case("signature", "structure", lambda: _signature(report, found)),
            run_case("planned-memory", "budget", lambda: _planned_memory(report, found)),
        ]
    return tuple(cases), facts


def signature_problems(
    what: str, stated: Sequence[Tensor], found: Sequence[tuple[tuple[int, ...], str]]
) -> tuple[str, ...]:
    """One sentence for each difference between the report's tensors and (shape, dtype) pairs."""
    if len(stated) != len(found):
        return (f"the report names {len(stated)} {what}s, the program has {len(found)}",)
    return tuple(
        f"{what} {tensor.name!r} is {tensor.dtype}{list(tensor.shape)} in the report, "
        f"{dtype}{list(shape)} in the program: {_REBUILD}"
        for tensor, (shape, dtype) in zip(stated, found)
        if (tensor.shape, tensor.dtype) != (shape, dtype)
    )


def _digest(report: Report, pte: bytes) -> Outcome:
    sha256 = hashlib.sha256(pte).hexdigest()
    problems = []
    if sha256 != report.sha256:
        problems.append(f"its SHA-256 is {sha256}, the report says {report.sha256}: {_REBUILD}")
    if len(pte) != report.size:
        problems.append(f"it has {len(pte)} bytes, the report says {report.size}: {_REBUILD}")
    measured = {"sha256": sha256, "size": len(pte)}
    return Outcome("SHA-256 and size are the report's", tuple(problems), measured)


def _report_is_of_this_test(request: ValidationRequest) -> Outcome:
    """The report publishes the checks: they have to be those that are applied here."""
    declared, model = request.report.declared, request.model
    expected = {Path(path).name: label for path, label in request.photographs.items() if label}
    differences = (
        ("model", model.name, declared.model),
        ("weights source", model.weights.source, declared.weights.source),
        ("photographs and labels", expected, dict(request.checks.photographs)),
        (
            "inputs",
            [(spec.name, spec.dtype, spec.shape) for spec in model.inputs],
            [(tensor.name, tensor.dtype, tensor.shape) for tensor in request.report.inputs],
        ),
    )
    problems = tuple(
        f"{name}: the test has {here}, the report {there}: {_REBUILD}"
        for name, here, there in differences
        if here != there
    )
    return Outcome("the report is of this model and these checks", problems)


def _parse(pte: bytes) -> tuple[Outcome, ProgramFacts]:
    return Outcome("the ExecuTorch deserializer reads it"), inspect_program(pte)


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
    problem = f"it plans {found} bytes of memory, the report says {stated}: {_REBUILD}"
    return Outcome(
        "the memory plan is the report's",
        (problem,) if found != stated else (),
        {"planned_memory_bytes": found},
    )
