from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.benchmarks import workers
from bench.benchmarks.setting import Setting
from bench.command.machine import BenchMachine
from bench.command.markdown_page import markdown_page
from bench.command.plots import plots
from bench.command.result_file import Document, results_document, to_text
from bench.command.run_benchmarks import Results
from bench.workers.matrix import Matrix
from bench.workers.schedule import Program, Toolchain
from workspace.errors import ToolError
from workspace.repository import Repository

GB = 1_000_000_000


def matrix(checkpoint: int = 0, size: int = 0, exported: float = 50.0) -> Matrix:
    """16 programs, with `exported` seconds for an export and ten less for a validation."""
    programs = [
        Program(
            f"models/a:net{number}",
            "s" if number % 2 else "t",
            {"weights": checkpoint},
            size,
            exported - workers.START_SECONDS,
            exported - workers.START_SECONDS - 10,
        )
        for number in range(16)
    ]
    toolchains = {name: Toolchain({"torch": GB // 8}, 5.0, 8.0) for name in "st"}
    return Matrix(tuple(programs), toolchains, ("models/a:weights",))


def document(made: Matrix) -> Document:
    rows = tuple(workers.rows(made))
    repository = Repository(Path("/nowhere"), "0" * 40, False, ())
    machine = BenchMachine("a CPU", 2, 24.0, "Linux x86_64", 0.1)
    result = results_document(Results(rows, {}), repository, machine, ["workers"])
    read: Document = json.loads(to_text(result))
    return read


def test_each_state_and_link_is_a_row() -> None:
    new, slow, kept, kept_slow = document(matrix(checkpoint=GB, size=GB // 100))["measurements"]
    assert [row["details"]["state"] for row in (new, slow, kept, kept_slow)] == [
        *2 * [workers.NEW],
        *2 * [workers.KEPT],
    ]
    # A gigabit is 125 MB: 5 s to build, 1 + 8 to send, 1 + 8 to fetch, 8 to prepare, 50, then the program there and
    # back in 0.08 each, 40 for the validation. With 32 slots all run at once, and the last program is back later.
    schedules = {one["workers"]: one for one in new["details"]["schedules"]}
    assert list(schedules) == list(workers.WORKERS)
    last = new["details"]["last"]
    assert (last["built"], last["sent"], last["exported"]) == (5.0, 14.0, 81.0)
    assert (last["returned"], last["validated"]) == (82.4, 122.4)
    assert schedules[64]["seconds"] == 122.4
    assert (schedules[1]["sent_gb"], schedules[1]["returned_gb"]) == (1.125, 0.16)
    ratio = schedules[8]["seconds"] / schedules[1]["seconds"]
    assert new["value"] == pytest.approx(ratio, abs=2e-4)
    assert new["goal"] == {"at_most": 0.2}
    # Ten times slower: a checkpoint takes 80 s. Nothing is sent in the next matrix, but programs come back.
    assert slow["details"]["last"]["sent"] == 95.0
    assert kept["details"]["schedules"][0]["sent_gb"] == 0
    assert kept["details"]["last"]["exported"] == 50.0
    assert kept_slow["details"]["last"]["returned"] == 62.9


def test_work_is_divided_evenly_if_nothing_else_takes_time() -> None:
    *_, kept, _ = workers.rows(matrix())
    assert kept.value == pytest.approx(1 / 8)
    schedules = kept.details["schedules"]
    assert isinstance(schedules, list)
    seconds = [one["seconds"] for one in schedules]
    # 16 exports of 50 s, then 16 validations of 40.
    assert seconds == [8 * 90.0, 4 * 90.0, 2 * 90.0, 90.0, 90.0, 90.0, 90.0]
    assert [one["busy"] for one in schedules] == [1.0, 1.0, 1.0, 1.0, 0.5, 0.25, 0.125]
    assert kept.details["enough"] == 8


@pytest.mark.parametrize(
    ("seconds", "enough"),
    [
        ({1: 100.0, 2: 50.0, 4: 46.0}, 2),
        ({1: 100.0, 2: 50.0, 4: 45.0}, None),
        ({1: 100.0, 2: 101.0, 4: 20.0}, 1),
    ],
)
def test_more_workers_are_enough_when_they_save_less_than_a_tenth(
    seconds: dict[int, float], enough: int | None
) -> None:
    assert workers.enough(seconds) == enough


def test_the_page_and_the_plot_show_all_of_it() -> None:
    made = document(matrix(checkpoint=GB, size=GB // 100))
    page = markdown_page([made])
    assert "| workers | all is new, 1 Gbit/s | all is new, 100 Mbit/s | toolchains and" in page
    new, *_ = made["measurements"]
    one = new["details"]["schedules"][0]
    assert f"| 1 | {one['seconds']:.0f} s, {one['busy'] * 100:.0f} % |" in page
    assert f"| 8 against 1 | {new['value']:.3f} (at most 0.2: " in page
    assert "| from the client | 1.12 | 1.12 | 0.00 | 0.00 |" in page
    assert "| to 1 worker | 1.1 |" in page and "| to 64 workers | " in page
    assert "it is exported after 81 s, back after 82 s and validated after 122 s." in page
    assert "768 s of exports, 608 s of validations; 2 toolchains, 10 s to build, 16 s to" in page
    assert "is not pinned: models/a:weights. Seeded builds send none." in page
    (plot,) = plots([made])
    assert (plot.benchmark, plot.file) == ("workers", "workers.svg")
    words = [shape.text for shape in plot.picture.shapes if shape.tag == "text"]
    assert "1 worker" in words and "64 workers" in words and "122 s" in words


def test_it_needs_the_times_of_a_run(tmp_path: Path) -> None:
    repository = Repository(Path().resolve(), "0" * 40, False, ())
    setting = Setting(repository, tmp_path, {}, lambda text: None)
    with pytest.raises(ToolError, match="add --times FILE"):
        workers.run(setting)
    times = tmp_path / "times"
    address, toolchain = "models/yolo:yolo11n_xnnpack", "executorch+ultralytics toolchain"
    processes = [
        [f"Export {address}", 20.0],
        [f"Validate {address}", 10.0],
        [f"Build the {toolchain}", 5.0],
        [f"Prepare the {toolchain}", 6.0],
    ]
    times.write_text(json.dumps({"processes": processes}) + "\n")
    setting = replace(setting, times=times, programs=(address,))
    new, *_ = workers.run(setting)
    assert new.what.startswith("1 programs on 8 workers: all is new")
    assert new.value == 1.0
