from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import write_json
from pte_foundry.testing.sample_latencies import FILE, PROGRAM, sample_results
from pte_foundry.tree.pages.latencies import Baseline, read_latencies, read_results

REMEDY = (
    f"Measure again with `./foundry bench latency int8 --json {FILE}`, or remove the file from the tree's "
    "`latencies`"
)


def test_times_with_their_baselines_and_where_they_were_measured() -> None:
    found = read_latencies([Fields(sample_results(), FILE)])
    assert list(found) == [PROGRAM.replace("_xnnpack", "_int8_xnnpack"), PROGRAM]
    (quantised,), (one, two) = found.values()
    assert (one.threads, one.milliseconds, one.samples) == (1, 2.0, 30)
    assert (two.threads, two.milliseconds) == (2, 1.25)
    assert one.baselines == (
        Baseline("eager torch", 6.0),
        Baseline("ONNX Runtime 1.31.1", 2.0),
        Baseline("OpenVINO 2026.4.1", 2.0),
    )
    assert quantised.milliseconds == 1.5 and quantised.baselines == (Baseline("fp32 program", 2.5),)
    assert one.measured.machine == "Linux x86_64, Sample CPU, 2 CPUs, 25.3 GB"
    assert (one.measured.file, one.measured.load, one.measured.modified) == (FILE, 0.25, False)


def test_the_committed_results_can_be_read() -> None:
    names = ("int8", "int8-more", "latency")
    files = [f"docs/bench/results/{name}.json" for name in names]
    found = read_latencies([read_results(file, Path(file)) for file in files])
    assert {(each.address, each.threads) for those in found.values() for each in those} >= {
        (f"models/yolo:yolo11n_{precision}xnnpack", threads)
        for precision in ("", "int8_")
        for threads in (1, 2)
    }


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda it: it.pop("machine"), "docs/bench/results/latency.json: `machine` is missing"),
        (lambda it: it.update(modified="no"), "`modified` is 'no'"),
        (lambda it: it["machine"].update(cpus=0), "machine: `cpus` is 0"),
        (lambda it: it.update(measurements={}), "`measurements` is a dict"),
        (
            lambda it: it.update(measurements=it["measurements"][-2:]),
            "has no latency of any program",
        ),
        (lambda it: it["measurements"][1]["details"].pop("threads"), "`threads` is missing"),
        (lambda it: it["measurements"][1]["details"].update(threads=0), "`threads` is 0"),
        (lambda it: it["measurements"][1]["details"].update(samples=0), "`samples` is 0"),
        (lambda it: it["measurements"][2]["details"].update(program=""), "`program` is ''"),
        (lambda it: it["measurements"][1]["details"]["median_ms"].pop("eager"), "`eager` is"),
        (
            lambda it: it["measurements"][1]["details"]["median_ms"].update(executorch=0),
            r"measurements\[1\]: details: median_ms: `executorch` is 0.0, not a time",
        ),
        (lambda it: it["measurements"][6]["details"].pop("int8_ms"), "`int8_ms` is missing"),
        (lambda it: it["measurements"][6]["details"].update(fp32_ms=-1), "`fp32_ms` is -1.0"),
    ],
)
def test_what_no_benchmark_writes_is_refused(spoil: Callable[[Any], Any], reason: str) -> None:
    results = sample_results()
    spoil(results)
    with pytest.raises(PteError, match=reason) as caught:
        read_latencies([Fields(results, FILE)])
    assert caught.value.kind == "bad-latencies" and caught.value.message.endswith(REMEDY)


def test_two_files_with_different_times_of_a_program_are_refused_but_one_file_twice_is_not() -> (
    None
):
    results, other = sample_results(), sample_results()
    other["machine"]["cpu"] = "Another CPU"
    with pytest.raises(PteError) as caught:
        read_latencies([Fields(results, FILE), Fields(other, "other.json")])
    assert caught.value.kind == "bad-latencies"
    assert caught.value.message == (
        f"{PROGRAM} with 1 thread is measured twice, in {FILE} and other.json. Name one of the two"
    )
    assert len(read_latencies([Fields(results, FILE), Fields(results, FILE)])[PROGRAM]) == 2


def test_a_file_that_is_not_json_is_named_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text("{")
    with pytest.raises(PteError, match="bad-latencies: .* is not valid JSON") as caught:
        read_results(FILE, file)
    assert caught.value.message.endswith(REMEDY)
    write_json(file, sample_results())
    assert read_latencies([read_results(FILE, file)])[PROGRAM][0].measured.file == FILE
