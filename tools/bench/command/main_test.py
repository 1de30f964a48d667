from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.registry import BENCHMARKS, Benchmark
from bench.benchmarks.setting import Setting
from bench.command import main
from workspace.errors import ToolError
from workspace.repository import Repository


def use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: float, error: str | None = None
) -> None:
    """One benchmark, called `only`, with this value or this error."""

    def run(setting: Setting) -> tuple[Measurement, ...]:
        if error is not None:
            raise ToolError(error)
        return (Measurement("only", "[what]", "base", value, "ratio", Goal("at_most", 1)),)

    monkeypatch.setattr(main, "BENCHMARKS", (Benchmark("only", "about it", run),))
    repository = Repository(tmp_path, "0" * 40, False, ())
    monkeypatch.setattr(main, "find_repository", lambda: repository)


@pytest.mark.parametrize(
    ("value", "arguments", "code", "verdict"),
    [
        (1.0, [], 0, "met"),
        (1.1, [], 0, "missed"),
        (1.0, ["--strict"], 0, "met"),
        (1.1, ["--strict"], 1, "missed"),
    ],
)
def test_a_missed_goal_is_shown_and_fails_only_if_strict(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    value: float,
    arguments: list[str],
    code: int,
    verdict: str,
) -> None:
    use(monkeypatch, tmp_path, value)
    file = tmp_path / "results.json"
    result = CliRunner().invoke(main.app, ["only", "--json", str(file), *arguments])
    assert result.exit_code == code, result.output
    assert verdict in result.output
    assert "[what]" in result.output
    assert json.loads(file.read_text())["measurements"][0]["value"] == value


def test_a_benchmark_that_cannot_run_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, tmp_path, 1.0, error="the reason")
    result = CliRunner().invoke(main.app, [])
    assert result.exit_code == 2
    assert "only: failed: the reason" in result.output
    assert [line for line in result.output.splitlines() if "│ only" in line and "failed" in line]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["unknown"], "no benchmark is called"),
        (["--json", "/no/such/folder/x"], "not a folder"),
        (["--markdown", "/no/such/folder/x"], "not a folder"),
        (["--from", "x.json"], "--from makes a page"),
        (["--plots", "."], "--plots draws for a page"),
        (["--plots", "/no/such/folder", "--markdown", "x.md"], "/no/such/folder is not a folder"),
        (["--from", "/dev", "--markdown", "x.md"], "has no result"),
        (["workers", "--times", "/no/such/file"], "does not exist"),
        (["--from", "/no/such/x.json", "--markdown", "x.md"], "cannot be read as JSON"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], message: str
) -> None:
    use(monkeypatch, tmp_path, 1.0, error="it ran")
    result = CliRunner().invoke(main.app, arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "it ran" not in result.output


def test_the_list_names_every_benchmark() -> None:
    result = CliRunner().invoke(main.app, ["--list"])
    assert result.exit_code == 0
    names = [line.split()[0] for line in result.output.splitlines()]
    assert names == [benchmark.name for benchmark in BENCHMARKS]
    assert names == [
        "noop",
        "rebuild",
        "second-checkout",
        "unaffected-edits",
        "tree",
        "size",
        "cold",
        "validation",
        "latency",
        "int8",
        "operators",
        "versions",
        "scale",
        "fresh-machine",
        "remote-execution",
        "new",
        "workers",
    ]


def test_rounds_must_be_positive() -> None:
    assert CliRunner().invoke(main.app, ["--rounds", "0"]).exit_code == 2


def test_the_page_of_a_run_is_that_of_its_result_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, tmp_path, 1.1)
    results, page, again = (tmp_path / name for name in ("r.json", "page.md", "again.md"))
    arguments = ["only", "--rounds", "3", "--program", "a:b"]
    files = ["--json", str(results), "--markdown", str(page)]
    run = CliRunner().invoke(main.app, [*arguments, *files])
    assert run.exit_code == 0, run.output
    assert "| [what] | base | 1.100 | at most 1 | **missed** |" in page.read_text()
    assert "`./foundry bench only --program a:b --rounds 3` at commit" in page.read_text()
    assert str(tmp_path) not in page.read_text()
    use(monkeypatch, tmp_path, 1.1, error="it ran")
    made = CliRunner().invoke(main.app, ["--from", str(results), "--markdown", str(again)])
    assert made.exit_code == 0, made.output
    assert again.read_text() == page.read_text()


def test_the_committed_page_and_its_plots_are_those_of_the_committed_results(
    tmp_path: Path,
) -> None:
    documents = Path("docs")
    folder = tmp_path / "bench"
    folder.mkdir()
    page = tmp_path / "benchmarks.md"
    results = str(documents / "bench/results")
    made = CliRunner().invoke(
        main.app, ["--from", results, "--markdown", str(page), "--plots", str(folder)]
    )
    assert made.exit_code == 0, made.output
    assert page.read_text() == (documents / "benchmarks.md").read_text()
    drawn = {file.name: file.read_bytes() for file in folder.iterdir()}
    committed = {file.name: file.read_bytes() for file in (documents / "bench").glob("*.svg")}
    assert len(drawn) > 4 and drawn == committed


def test_programs_are_handed_to_the_benchmarks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, tmp_path, 1.0)
    seen: list[tuple[str, ...]] = []

    def run(setting: Setting) -> tuple[Measurement, ...]:
        seen.append(setting.programs)
        return ()

    monkeypatch.setattr(main, "BENCHMARKS", (Benchmark("only", "about it", run),))
    assert CliRunner().invoke(main.app, ["--program", "a:b", "--program", "a:c"]).exit_code == 0
    assert seen == [("a:b", "a:c")]


def test_what_is_simulated_from_times_runs_by_default_only_with_times(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, tmp_path, 1.0)
    seen: list[tuple[str, Path | None]] = []

    def benchmark(name: str) -> Benchmark:
        def run(setting: Setting) -> tuple[Measurement, ...]:
            seen.append((name, setting.times))
            return ()

        return Benchmark(name, "about it", run)

    monkeypatch.setattr(main, "BENCHMARKS", (benchmark("only"), benchmark("workers")))
    times, page = tmp_path / "times", tmp_path / "page.json"
    times.write_text("")
    assert CliRunner().invoke(main.app, []).exit_code == 0
    assert seen == [("only", None)]
    made = CliRunner().invoke(main.app, ["--times", str(times), "--json", str(page)])
    assert made.exit_code == 0, made.output
    assert seen[1:] == [("only", times), ("workers", times)]
    assert json.loads(page.read_text())["command"] == ["--times", "FILE"]
    assert CliRunner().invoke(main.app, ["workers"]).exit_code == 0
    assert seen[3:] == [("workers", None)]
