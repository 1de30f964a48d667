"""Which lines come from which work units and stage files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from pte_build.progress.stage_files import RequestKeys
from pte_build.progress.stage_reporter import StageReporter

PID = 7
START = 1000
STAGES = ("1001.0 loading the model", "1004.5 exporting", "1006.0 lowering with a.b")


def unit(span: str, description: str, duration: float = 0.0, **other: Any) -> dict[str, Any]:
    """A work unit as the engine describes it."""
    return {
        "name": "run_local_process",
        "span_id": span,
        "description": description,
        "start_secs": START,
        "start_nanos": 0,
        "duration_secs": int(duration),
        "duration_nanos": int(duration % 1 * 1e9),
        **other,
    }


EXPORT = unit("1", "Export a:b", 9.0)


def write(folder: Path, *lines: str, request: bytes = b"request", pid: int = PID) -> Path:
    file = folder / f"{hashlib.sha256(request).hexdigest()}-{pid}"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


@pytest.fixture()
def reporter(tmp_path: Path) -> StageReporter:
    keys = RequestKeys()
    for description in (
        "Export a:b",
        "Validate a:b",
        "Look up: Export a:b",
        "Fetch a:b",
        "Compare a:b",
    ):
        keys.add(description, b"request")
    keys.add("Export a:other", b"another request")
    return StageReporter(tmp_path, PID, keys)


def test_each_stage_is_logged_once_when_it_has_begun(
    reporter: StageReporter, tmp_path: Path
) -> None:
    assert reporter.poll([EXPORT], []) == []
    write(tmp_path, *STAGES[:1])
    assert reporter.poll([], []) == ["a:b: loading the model (1 s)"]
    assert reporter.poll([], []) == []
    write(tmp_path, *STAGES)
    assert reporter.poll([], []) == ["a:b: exporting (4 s)", "a:b: lowering with a.b (6 s)"]


def test_the_end_has_the_seconds_of_every_stage_and_removes_the_file(
    reporter: StageReporter, tmp_path: Path
) -> None:
    reporter.poll([EXPORT], [])
    file = write(tmp_path, *STAGES, "1008.5 ")
    assert reporter.poll([], [EXPORT]) == [
        "a:b: exported in 9.0 s (starting 1.0, loading the model 3.5, exporting 1.5, "
        "lowering with a.b 2.5)"
    ]
    assert not file.exists()
    assert reporter.poll([], []) == []


def test_a_run_shorter_than_the_time_between_two_polls(
    reporter: StageReporter, tmp_path: Path
) -> None:
    write(tmp_path, *STAGES[:1], "1001.5 ")
    (line,) = reporter.poll([], [unit("1", "Validate a:b", 1.75)])
    assert line == "a:b: validated in 1.8 s (starting 1.0, loading the model 0.5)"


def test_a_download_says_how_far_it_is_and_ends_with_the_time_alone(
    reporter: StageReporter, tmp_path: Path
) -> None:
    fetch = unit("1", "Fetch a:b", 30.0)
    write(tmp_path, "1000.5 fetching a.pth: 5 of 10 MB (50 %)")
    assert reporter.poll([fetch], []) == ["a:b: fetching a.pth: 5 of 10 MB (50 %) (0 s)"]
    write(tmp_path, "1000.5 fetching a.pth: 5 of 10 MB (50 %)", "1029.0 ")
    assert reporter.poll([], [fetch]) == ["a:b: fetched in 30.0 s"]


def test_a_failed_run_says_in_which_stage(reporter: StageReporter, tmp_path: Path) -> None:
    reporter.poll([EXPORT], [])
    write(tmp_path, *STAGES)
    assert reporter.poll([], [EXPORT]) == ["a:b: ended after 9.0 s, while lowering with a.b"]


def test_stages_of_others_are_ignored(reporter: StageReporter, tmp_path: Path) -> None:
    others = (
        write(tmp_path, *STAGES, pid=PID + 1),
        write(tmp_path, *STAGES, request=b"another request"),
        write(tmp_path, *STAGES, request=b"of another build"),
    )
    # Of a run that was killed before this one began.
    write(tmp_path, "990.0 loading the model", "995.0 exporting")
    assert reporter.poll([EXPORT], []) == []
    assert reporter.poll([], [EXPORT]) == []
    assert all(file.exists() for file in others)


@pytest.mark.parametrize(
    "other",
    [
        # A cache hit has only this one.
        unit("1", "Scheduling: Export a:b", name="process"),
        unit("1", "Export a:b", name="process"),
        unit("1", "Look up: Export a:b"),
        unit("1", "Compare a:b"),
        unit("1", "Export of several things"),
        {key: value for key, value in EXPORT.items() if key != "description"},
    ],
)
def test_other_work_units(reporter: StageReporter, tmp_path: Path, other: dict[str, Any]) -> None:
    write(tmp_path, *STAGES, "1008.5 ")
    assert reporter.poll([other], []) == []
    assert reporter.poll([], [other]) == []


def test_a_run_that_is_cancelled_and_started_again_is_told_once(
    reporter: StageReporter, tmp_path: Path
) -> None:
    reporter.poll([EXPORT], [])
    # The first one has no end, or is said to end after the second has begun.
    again = unit("2", "Export a:b", 3.0, start_secs=START + 2)
    assert reporter.poll([again], [EXPORT]) == []
    write(tmp_path, "1003.0 loading the model")
    assert reporter.poll([], []) == ["a:b: loading the model (1 s)"]
    write(tmp_path, "1003.0 loading the model", "1005.0 ")
    assert reporter.poll([], [again]) == [
        "a:b: exported in 3.0 s (starting 1.0, loading the model 2.0)"
    ]


def test_of_a_run_on_a_worker_only_the_start_is_seen(
    reporter: StageReporter, tmp_path: Path
) -> None:
    remote = {**EXPORT, "name": "run_remote_process"}
    # Of an earlier run on this machine.
    write(tmp_path, *STAGES)
    assert reporter.poll([remote], []) == ["a:b: started on a worker"]
    assert reporter.poll([], []) == []
    assert reporter.poll([], [remote]) == []
