from __future__ import annotations

from pathlib import Path

from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.registry import Benchmark
from bench.benchmarks.setting import Setting
from bench.command.run_benchmarks import Results, run_benchmarks
from workspace.errors import ToolError
from workspace.repository import Repository

REPOSITORY = Repository(Path("/nowhere"), "0" * 40, False, ())


def row(value: float) -> Measurement:
    return Measurement("b", "x", "y", value, "ratio", Goal("at_most", 1))


def test_one_failure_does_not_stop_the_others_and_is_not_lost() -> None:
    folders: list[Path] = []
    said: list[str] = []

    def fail(setting: Setting) -> tuple[Measurement, ...]:
        folders.append(setting.scratch)
        raise ToolError("the reason")

    def succeed(setting: Setting) -> tuple[Measurement, ...]:
        folders.append(setting.scratch)
        assert setting.rounds == 3
        assert setting.programs == ("a:b",)
        assert list(setting.scratch.iterdir()) == []
        (setting.scratch / "left behind").touch()
        setting.progress("working")
        return (row(0.5),)

    benchmarks = [Benchmark("a", "", fail), Benchmark("b", "", succeed)]
    results = run_benchmarks(benchmarks, REPOSITORY, {}, 3, ("a:b",), said.append)
    assert results.measurements == (row(0.5),)
    assert results.errors == {"a": "the reason"}
    assert not results.all_met
    assert said == ["a: failed: the reason", "b: working"]
    assert len(set(folders)) == 2
    assert not any(folder.exists() for folder in folders)


def test_all_are_met_only_if_each_is() -> None:
    assert Results((row(0.5), row(1)), {}).all_met
    assert not Results((row(0.5), row(1.1)), {}).all_met
