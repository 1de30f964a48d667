from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.benchmarks import size
from bench.benchmarks.measurement import Goal
from bench.benchmarks.size import size_rows
from bench.benchmarks.stand_in_repository import stand_in_setting
from pte_foundry.records.declared import Declared
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.report import Report, build_report
from pte_foundry.testing.reports import SHA, sample_declared, sample_facts


def report(bytes_: int, rewrites: Sequence[str] = (), **declared: object) -> Report:
    """Of a MobileNet with 2542856 parameters, so 10171424 bytes in fp32."""
    facts: dict[str, object] = {"pte": {"sha256": SHA, "size": bytes_}, "rewrites": list(rewrites)}
    if "precision" in declared:
        facts["precision"] = declared["precision"]
    return build_report(
        Declared.read(Fields(sample_declared(**declared), "declared.json")),
        Fields(sample_facts(**facts), "facts.json"),
    )


def test_a_program_is_held_against_its_parameters_and_the_file_it_replaces() -> None:
    (ours,) = size_rows(report(10374853))
    assert ours.value == pytest.approx(1.02)
    assert (ours.goal, ours.met) == (Goal("at_most", 1.02), False)
    vulkan = {"backend": "vulkan", "precision": "fp16"}
    ours, theirs = size_rows(report(5200000, **vulkan))
    assert theirs.value == pytest.approx(5200000 / 5184644)
    assert (ours.met, theirs.met) == (True, False)
    assert all(row.met for row in size_rows(report(5184644, **vulkan)))


@pytest.mark.parametrize(
    ("precision", "rewrites", "bound"),
    [
        ("fp32", [], 1.02),
        ("fp16", ["pte_foundry.rewrites.fold_batch_norm"], 0.56),
        # Repeats weights.
        ("fp32", ["pte_foundry.rewrites.fold_nearest_upsampling"], 1.07),
    ],
)
def test_the_bound_is_that_of_the_precision_and_the_rewrites(
    precision: str, rewrites: list[str], bound: float
) -> None:
    rows = size_rows(report(1, rewrites, precision=precision))
    assert rows[0].goal == Goal("at_most", bound)


def test_a_model_that_replaces_nothing_has_one_row() -> None:
    assert len(size_rows(report(1, backend="mps"))) == 1


def test_programs_are_built_and_their_reports_read(tmp_path: Path) -> None:
    address = "models/mobilenet:mobilenet_v3_small_vulkan"
    text = json.dumps(
        report(5184645, address=address, backend="vulkan", precision="fp16").to_json()
    )
    launcher = f"""\
case "$*" in
  *peek*) printf '[\n{{"address": "{address}"}},\n{{"address": "models/mobilenet:other_int8_vulkan"}}\n]\n' ;;
  *"package models/mobilenet:mobilenet_v3_small_vulkan")
    mkdir -p dist/models/mobilenet
    echo '{text}' > dist/models/mobilenet/mobilenet_v3_small_vulkan.json ;;
  *) exit 9 ;;
esac
"""
    rows = size.run(stand_in_setting(tmp_path, launcher, {}))
    assert [row.met for row in rows] == [True, False]
    assert rows[0].what == address
