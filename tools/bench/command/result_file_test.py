from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.benchmarks.measurement import Goal, Measurement
from bench.command.machine import BenchMachine
from bench.command.result_file import read_results, results_document, to_text
from bench.command.run_benchmarks import Results
from workspace.atomic_file import replace_text
from workspace.errors import ToolError
from workspace.repository import Repository

MACHINE = BenchMachine("a CPU", 2, 24.0, "Linux x86_64", 0.1)


def test_the_file_has_values_goals_and_verdicts(tmp_path: Path) -> None:
    results = Results(
        (Measurement("noop", "x", "y", 1.23456, "ratio", Goal("at_most", 1.2), {"n": [1]}),),
        {"rebuild": "the reason"},
    )
    repository = Repository(tmp_path, "0" * 40, True, ())
    target = tmp_path / "results.json"
    target.write_text("an earlier result")
    document = results_document(results, repository, MACHINE, ["noop", "--strict"])
    replace_text(target, to_text(document))
    assert json.loads(target.read_text()) == {
        "command": ["noop", "--strict"],
        "commit": "0" * 40,
        "modified": True,
        "machine": {
            "cpu": "a CPU",
            "cpus": 2,
            "memory_gb": 24.0,
            "system": "Linux x86_64",
            "load": 0.1,
        },
        "measurements": [
            {
                "benchmark": "noop",
                "what": "x",
                "baseline": "y",
                "value": 1.2346,
                "unit": "ratio",
                "goal": {"at_most": 1.2},
                "met": False,
                "details": {"n": [1]},
            }
        ],
        "errors": {"rebuild": "the reason"},
    }
    assert read_results(target) == document
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


@pytest.mark.parametrize("text", ["[]", "{", '{"measurements": []}'])
def test_another_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text)
    with pytest.raises(ToolError, match="other.json"):
        read_results(file)
