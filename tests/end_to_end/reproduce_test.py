"""`./foundry reproduce`: bytes that depend on the machine are found, and the part they are in is named."""

from __future__ import annotations

from end_to_end.clone import PantsOutcome, UserClone

PROGRAM = "models/mobilenet:mobilenet_v3_small_xnnpack"
LOWERING = "src/python/pte_foundry/backends/xnnpack/lowering.py"
ANCHOR = "    return lower_with("
# The last bias of the model depends on the time zone: an offset that is 0 for UTC.
PLANTED = """\
    import time

    request.exported_program.state_dict["classifier.3.bias"].data.add_(time.timezone)
"""


def reproduce(clone: UserClone, *arguments: str) -> PantsOutcome:
    """Options before `run` reach the builds too: the official checkpoint may not be at hand."""
    command = ("run", "tools/foundry", "--", "reproduce", *arguments)
    return clone.run("--weights-source=seeded", *command)


def test_a_planted_dependence_on_the_time_zone_is_found_and_nothing_else(clone: UserClone) -> None:
    with clone.edited(LOWERING, ANCHOR, PLANTED + ANCHOR):
        outcome = reproduce(clone, PROGRAM, "--only=hash-seed,folder,user,time-zone")
    assert outcome.exit_code == 1, outcome.output
    for name in ("hash-seed", "folder", "user"):
        assert f"{name}: {PROGRAM}: same\n" in outcome.output, outcome.output
    part = "differs: payload of delegate 0 (XnnpackBackend) of the method forward, byte "
    assert f"time-zone: {PROGRAM}: {part}" in outcome.output, outcome.output


def test_anything_but_a_program_is_refused(clone: UserClone) -> None:
    outcome = reproduce(clone, "models/mobilenet:mobilenet_v3_small_weights")
    assert outcome.exit_code == 2, outcome.output
    assert "is a model_weights, not a pte_program" in outcome.output
