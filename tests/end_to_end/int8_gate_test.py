"""The gate on a real int8 program: a fault planted in its export is found by its own test."""

from __future__ import annotations

import pytest

from end_to_end.clone import Clone

BUILD = "models/yolo/BUILD"
PROGRAM = "models/yolo:yolo11n_int8_xnnpack"
RECIPE = 'f"{RECIPES}/xnnpack_static.py"'
FAULTY = '"src/python/pte_foundry/validation/faulty_recipe.py"'


@pytest.mark.parametrize("fault", ["zero-point", "per-tensor-weights"])
def test_a_fault_in_an_export_fails_its_validation(clone: Clone, fault: str) -> None:
    with (
        clone.edited(BUILD, RECIPE, FAULTY),
        clone.edited(BUILD, '"float_own": head,', f'"float_own": head, "fault": "{fault}",'),
    ):
        outcome = clone.run("--weights-source=seeded", "test", f"{PROGRAM}_test")
    assert outcome.exports == [PROGRAM], outcome.output
    assert outcome.exit_code == 1
    assert f"{PROGRAM}_test failed" in outcome.output
    # Nothing but the outputs tells.
    kinds = {line.split(": ")[1] for line in outcome.output.splitlines() if "failed  " in line}
    assert kinds == {"mismatch"}
