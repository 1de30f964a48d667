"""The gate on a real int8 program: a good export passes, one with wrong zero points does not.

With seeded weights no channel is much larger than others, so one scale for all of them does no harm: that fault is
planted only in src/python/pte_foundry/validation/int8_test.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from end_to_end.clone import UserClone

FOLDER = "models/mobilenet"
NAME = "gate_int8_xnnpack"
# The good program has cosine 0.9993 and differs by 0.13.
BUILD = """
pte_program(
    name="gate_int8_xnnpack",
    model="mobilenet_v2",
    weights=[":mobilenet_v2_weights"],
    builder=["src/python/pte_foundry/models/mobilenet.py"],
    builder_resolve="torchvision",
    inputs={{"image": "float32[1,3,224,224]"}},
    backend=["//toolchains:xnnpack"],
    precision="int8",
    quantization=["src/python/pte_foundry/testing/faulty_recipe.py"],
    quantization_options={{"fault": "{fault}"}},
    calibration=["//toolchains:calibration"],
    min_quantized_weights=0.99,
    min_quantized_compute=0.99,
)
pte_test(
    name="gate_int8_xnnpack_test",
    program=[":gate_int8_xnnpack"],
    photographs=["//toolchains:judged_photographs"],
    min_cosine=0.997,
    max_abs_difference=0.5,
)
"""


def declare(root: Path, fault: str) -> None:
    """Add the program to the family's BUILD file, in place of one that was added before."""
    file = root / FOLDER / "BUILD"
    before, _, _ = file.read_text().partition(BUILD.partition("{{")[0])
    file.write_text(before + BUILD.format(fault=fault))


@pytest.mark.parametrize(("fault", "kinds"), [("none", set()), ("zero-points", {"mismatch"})])
def test_only_a_good_export_passes(clone: UserClone, fault: str, kinds: set[str]) -> None:
    declare(clone.root, fault)
    outcome = clone.run("--weights-source=seeded", "test", f"{FOLDER}:{NAME}_test")
    assert outcome.exports == [f"{FOLDER}:{NAME}"], outcome.output
    assert (outcome.exit_code == 0) == (not kinds), outcome.output
    # Only the outputs give it away.
    failed = [line.split(": ") for line in outcome.output.splitlines() if "failed  " in line]
    assert {words[1] for words in failed} == kinds, outcome.output
