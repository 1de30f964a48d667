"""The verdict over all cases, validation.json, and the JUnit XML that CI systems show."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Literal
from xml.etree import ElementTree

from pte_foundry.validation.case import Bound, Case
from pte_foundry.validation.request import ValidationRequest

Evidence = Literal["executed", "interpreted", "structural"]
INTERPRET = "interpret"
"""The case in which an interpreter reads the payload."""

GRAPH_PREFIX = "graph:"
"""Of the names of cases in which torch runs an int8 program's graph."""

# What XML 1.0 cannot hold, not even escaped (https://www.w3.org/TR/xml/#charsets).
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def verdict(cases: Sequence[Case]) -> Literal["passed", "failed"]:
    """`passed` if something passed and nothing failed: no checks, no pass."""
    statuses = {case.status for case in cases}
    return "passed" if "passed" in statuses and "failed" not in statuses else "failed"


def evidence(cases: Sequence[Case]) -> Evidence:
    """`executed` if the program ran and its outputs were compared with the eager model's.

    `interpreted` if an interpreter of its payload ran it, because the machine's runtime has no
    implementation of its delegate; `structural` if only its bytes were inspected, even if the graph
    that it was lowered from was compared.
    """
    passed = {case.kind for case in cases if case.status == "passed"}
    if not {"run", "mismatch"} <= passed:
        return "structural"
    interpreted = any(case.name == INTERPRET and case.status == "passed" for case in cases)
    return "interpreted" if interpreted else "executed"


def worst_bounds(cases: Sequence[Case]) -> dict[str, Bound]:
    """The worst measured value of each threshold over all cases that measured it, by name.

    The graph of an int8 program in torch does not measure the program.
    """
    worst: dict[str, Bound] = {}
    for case in cases:
        if not case.name.startswith(GRAPH_PREFIX):
            for bound in case.bounds:
                if bound.name not in worst or bound.is_worse_than(worst[bound.name]):
                    worst[bound.name] = bound
    return dict(sorted(worst.items()))


def result_json(request: ValidationRequest, pte: bytes, cases: Sequence[Case]) -> dict[str, object]:
    """The content of validation.json; measured values may depend on the CPU's last bits.

    `thresholds` has the worst value measured beside each threshold, under the name of the field of
    `pte_test` that declares it; so has each case, for its own.
    """
    return {
        "address": request.address,
        "verdict": verdict(cases),
        "evidence": evidence(cases),
        "weights_source": request.model.weights.source,
        "pte_sha256": hashlib.sha256(pte).hexdigest(),
        "thresholds": {
            name: {"measured": bound.measured, "threshold": bound.threshold}
            for name, bound in worst_bounds(cases).items()
        },
        "cases": [case.to_json() for case in cases],
    }


def summary(request: ValidationRequest, cases: Sequence[Case]) -> str:
    """One line: the verdict, the evidence, what int8 was calibrated and judged on if these were no photographs, the
    worst parity, and how many cases passed, failed or were skipped."""
    worst = worst_bounds(cases)
    parity = [
        f"{words} {worst[name].measured:{form}}"
        for name, words, form in (
            ("min_cosine", "worst cosine", ".7f"),
            ("max_abs_difference", "greatest difference", ".3g"),
        )
        if name in worst
    ]
    counts = [
        f"{sum(case.status == status for case in cases)} {status}"
        for status in ("passed", "failed", "skipped")
    ]
    basis = f"{evidence(cases)}, {request.model.weights.source} weights"
    parts = (basis, *_int8_basis(request), *parity, ", ".join(counts))
    return f"{request.address}: {verdict(cases)} ({'; '.join(parts)})"


def _int8_basis(request: ValidationRequest) -> list[str]:
    quantization = request.report.quantization
    if quantization is None or request.photographs:
        return []
    said = []
    if quantization.calibrated_on is not None:
        said.append(f"CALIBRATED on {quantization.calibrated_on}")
    if request.samples:
        said.append(f"judged on {len(request.samples)} samples")
    else:
        said.append("judged on random values")
    return said


def junit_xml(address: str, cases: Sequence[Case]) -> str:
    """One test suite named after the test's address, without times: equal cases, equal text."""
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": address,
            "tests": str(len(cases)),
            "failures": str(sum(case.status == "failed" for case in cases)),
            "errors": "0",
            "skipped": str(sum(case.status == "skipped" for case in cases)),
        },
    )
    for case in cases:
        attributes = {"classname": address, "name": _clean(case.name)}
        element = ElementTree.SubElement(suite, "testcase", attributes)
        if case.status == "failed":
            ElementTree.SubElement(
                element, "failure", {"type": case.kind, "message": _clean(case.message)}
            )
        elif case.status == "skipped":
            ElementTree.SubElement(element, "skipped", {"message": _clean(case.message)})
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _clean(text: str) -> str:
    return _NO_XML.sub("?", text)
