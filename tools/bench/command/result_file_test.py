from __future__ import annotations

import json
from pathlib import Path

from bench.benchmarks.measurement import Goal, Measurement
from bench.command.result_file import results_json, write_results
from bench.command.run_benchmarks import Results
from workspace.repository import Repository


def test_the_file_has_values_goals_and_verdicts(tmp_path: Path) -> None:
    results = Results(
        (Measurement("noop", "x", "y", 1.23456, "ratio", Goal("at_most", 1.2), {"n": [1]}),),
        {"rebuild": "the reason"},
    )
    repository = Repository(tmp_path, "0" * 40, True, ())
    target = tmp_path / "results.json"
    target.write_text("an earlier result")
    write_results(target, results_json(results, repository, cpus=2))
    assert json.loads(target.read_text()) == {
        "commit": "0" * 40,
        "modified": True,
        "cpus": 2,
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
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
