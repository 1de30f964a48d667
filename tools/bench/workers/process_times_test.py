from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.workers.process_times import ProcessTimes, read_process_times
from workspace.errors import ToolError


def write(file: Path, *runs: list[list[object]]) -> Path:
    file.write_text("".join(f"{json.dumps({'processes': run})}\n" for run in runs))
    return file


def test_all_runs_count_and_the_longest_of_one_process(tmp_path: Path) -> None:
    file = write(
        tmp_path / "times",
        [
            ["Build the executorch+timm toolchain", 11.5],
            ["Prepare the executorch+timm toolchain", 15.0],
            ["Export models/a:b", 17.4],
            ["Building pytest.pex", 4.0],
        ],
        [
            ["Prepare the executorch+timm toolchain", 0.5],
            ["Export models/a:c", 9],
            ["Validate models/a:b", 30.25],
            ["Look up: Validate models/a:c", 0.1],
        ],
    )
    toolchain = "executorch+timm"
    assert read_process_times(file) == ProcessTimes(
        {"models/a:b": 17.4, "models/a:c": 9.0},
        {"models/a:b": 30.25},
        {toolchain: 11.5},
        {toolchain: 15.0},
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", None),
        ("no JSON", "JSONDecodeError"),
        ("[1]", "TypeError"),
        ('{"seconds": 1, "kinds": {}}', "KeyError.*processes"),
        ('{"processes": [["Export a:b"]]}', "ValueError"),
        ('{"processes": [["Export a:b", -1]]}', "-1 seconds"),
        ('{"processes": [["Export a:b", NaN]]}', "nan seconds"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, reason: str | None) -> None:
    file = tmp_path / "times"
    file.write_text(text)
    if reason is None:
        assert read_process_times(file) == ProcessTimes({}, {}, {}, {})
        return
    with pytest.raises(ToolError, match=f"times: .*{reason}.*PANTS_RUN_TIMES_FILE"):
        read_process_times(file)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="FileNotFoundError"):
        read_process_times(tmp_path / "times")
