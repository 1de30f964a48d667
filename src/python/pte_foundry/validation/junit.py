"""The JUnit XML that CI systems show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from pte_foundry.validation.case import Case

# What XML 1.0 has no way to write, not even escaped (https://www.w3.org/TR/xml/#charsets).
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(address: str, cases: Sequence[Case]) -> str:
    """One test suite named after the test's address, without any time: equal cases, equal text."""
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
