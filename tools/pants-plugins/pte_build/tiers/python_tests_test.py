"""How a Python test of a tier reaches Pants' own rules."""

from __future__ import annotations

from pants.core.goals.test import TestRequest, TestResult
from pants.core.util_rules.partitions import Partitions

from pte_build.tiers.python_tests import partition_tiered_tests, run_tiered_tests


def test_pants_own_rules_are_asked_by_their_unions() -> None:
    """A rule cannot ask with a member of a union: every test of a tier would fail."""
    rules = (partition_tiered_tests.rule, run_tiered_tests.rule)  # type: ignore[attr-defined]
    asked = {get.output_type: tuple(get.input_types) for rule in rules for get in rule.input_gets}
    assert asked[Partitions] == (TestRequest.PartitionRequest,)
    assert asked[TestResult] == (TestRequest.Batch,)
