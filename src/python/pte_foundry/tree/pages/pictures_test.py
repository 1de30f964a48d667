from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.tree_request import Listed
from pte_foundry.testing.sample_latencies import FILE, PROGRAM, sample_results
from pte_foundry.testing.sample_tree import sample_parts
from pte_foundry.tree.pages.latencies import Latency, read_latencies
from pte_foundry.tree.pages.pictures import latency_picture
from pte_foundry.tree.pages.programs import Model, group_models, read_programs
from pte_foundry.tree.plots.svg import Picture


def sample_model() -> Model:
    """One with an xnnpack and a portable program."""
    index, listed, _ = sample_parts()
    programs = tuple(Listed.read(Fields(each, "listed")) for each in listed)
    (model,) = group_models(read_programs(Fields(index, "index.json"), programs))
    return model


def sample_latencies() -> dict[str, tuple[Latency, ...]]:
    return read_latencies([Fields(sample_results(), FILE)])


def words(picture: Picture) -> list[str | None]:
    return [shape.text for shape in picture.shapes if shape.tag == "text"]


def widths(picture: Picture, colour: str) -> list[float]:
    """Of bars; the boxes of the legend are lower."""
    found: list[Any] = [s for s in picture.shapes if s.tag == "rect" and s.get("class") == colour]
    return [float(shape.get("width")) for shape in found if shape.get("height") == "13"]


def drawn(latencies: dict[str, tuple[Latency, ...]]) -> Picture:
    picture = latency_picture(sample_model(), latencies)
    assert picture is not None
    return picture


def test_a_bar_for_each_number_of_threads_and_none_for_programs_without_measurement() -> None:
    assert latency_picture(sample_model(), {}) is None
    picture = drawn(sample_latencies())
    assert words(picture) == [
        "mobilenet_v3_small: milliseconds of one call",
        "1 thread",
        "2 threads",
        "xnnpack fp32",
        "2.00 ms (eager torch: 6.00)",
        "1.25 ms (eager torch: 3.75)",
    ]
    (one,), (two,) = widths(picture, "series0"), widths(picture, "series1")
    assert one / two == pytest.approx(2.0 / 1.25, rel=1e-3)
    assert sum(s.get("class") == "ink" and s.tag == "rect" for s in picture.shapes) == 2


def test_a_number_of_threads_that_only_another_program_has_is_said_to_be_missing() -> None:
    latencies = sample_latencies()
    portable = PROGRAM.replace("xnnpack", "portable")
    latencies[portable] = (replace(latencies[PROGRAM][0], address=portable),)
    picture = drawn(latencies)
    assert words(picture).count("not measured") == 1
    assert len(widths(picture, "series0")) == 2 and len(widths(picture, "series1")) == 1


def test_more_numbers_of_threads_than_colours_are_refused() -> None:
    latency = sample_latencies()[PROGRAM][0]
    many = {PROGRAM: tuple(replace(latency, threads=number) for number in range(1, 6))}
    with pytest.raises(PteError, match="bad-latencies: .* 5 numbers of threads, .* 4 at most"):
        latency_picture(sample_model(), many)
    assert "4 threads" in words(drawn({PROGRAM: many[PROGRAM][:4]}))
