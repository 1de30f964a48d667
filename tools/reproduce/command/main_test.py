from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reproduce.command.main import app
from reproduce.command.stand_in_repository import OTHER, PROGRAM, WEIGHTS, make_repository
from reproduce.perturbations.registry import PERTURBATIONS

CHEAP = "clean-build,hash-seed,folder,time-zone"


@dataclass(frozen=True)
class Outcome:
    exit_code: int
    output: str


@pytest.fixture(autouse=True)
def _no_options_of_an_outer_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def run(*arguments: str) -> Outcome:
    result = CliRunner().invoke(app, list(arguments))
    return Outcome(result.exit_code, result.output)


def use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> Path:
    root = make_repository(tmp_path / "repository", content)
    monkeypatch.chdir(root)
    return root


def asked(root: Path) -> list[list[str]]:
    return [json.loads(line) for line in (root / "asked").read_text().splitlines()]


def test_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = use(tmp_path, monkeypatch, "'bytes'")
    (root / "dist").mkdir()
    (root / "dist" / "mine").touch()
    file = tmp_path / "results.json"
    outcome = run(
        PROGRAM, OTHER, "--only", CHEAP, "--json", str(file), "--weights-source", "seeded"
    )
    assert outcome.exit_code == 0, outcome.output
    document = json.loads(file.read_text())
    assert [(one["address"], one["perturbation"]) for one in document["results"]] == [
        (address, name) for name in CHEAP.split(",") for address in (PROGRAM, OTHER)
    ]
    assert all(one["same"] for one in document["results"])
    assert document["modified"] is False and len(document["commit"]) == 40
    peek, reference, clean = asked(root)
    assert peek[0] == "true" and peek[-3:] == ["peek", PROGRAM, OTHER]
    assert reference[-4:] == ["--weights-source=seeded", "package", PROGRAM, OTHER]
    assert "--no-local-cache" in clean and "--no-local-cache" not in reference
    assert [path.name for path in (root / "dist").iterdir()] == ["mine"]


def test_what_differs_is_found_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(tmp_path, monkeypatch, "time.tzname[0]")
    outcome = run(PROGRAM, "--only", CHEAP)
    assert outcome.exit_code == 1, outcome.output
    line = f"{PROGRAM}, time-zone: differs: the part: UTC is not XPT"
    assert line in outcome.output
    verdicts = [line.split()[-2] for line in outcome.output.splitlines() if line.startswith("│")]
    assert verdicts[:-1] == ["same", "same", "same", "differs"]


def test_only_what_came_from_a_cache_is_built_again_to_have_its_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = use(tmp_path, monkeypatch, "'bytes'")
    for builds in (1, 2):
        (root / "asked").unlink(missing_ok=True)
        outcome = run(PROGRAM, "--only", "umask")
        assert outcome.exit_code == 0, outcome.output
        assert ["package" in words for words in asked(root)] == [False, *[True] * builds]


def test_a_cached_program_that_is_not_what_a_clean_build_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = use(tmp_path, monkeypatch, "'bytes'")
    (root / "cache/models/a").mkdir(parents=True)
    (root / "cache/models/a/one_xnnpack.pte").write_text("old")
    outcome = run(PROGRAM, "--only", "clean-build")
    assert outcome.exit_code == 1
    assert "clean-build: differs: the part: old is not bytes" in outcome.output


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("'bytes'", 0),
        # The process's environment is the one in the script: of the caller only the umask is left.
        ("(pathlib.Path('new').touch(), pathlib.Path('new').stat().st_mode)", 1),
    ],
)
def test_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, code: int
) -> None:
    root = use(tmp_path, monkeypatch, content)
    outcome = run(PROGRAM, "--only", "caller")
    assert outcome.exit_code == code, outcome.output
    # peek, the build to compare with, which exports and so leaves a sandbox, and the other one
    time_zones = [words[1] for words in asked(root)]
    assert len(time_zones) == 3 and time_zones[1] != time_zones[2] == "XPT-13:45"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PANTS_WEIGHTS_DISTDIRS", "['/checkpoints']"),
        # What stands before `run` in the command line of Pants.
        ("PTE_FOUNDRY_OPTIONS", '["--weights-distdirs=[\'/checkpoints\']", "--no-pantsd"]'),
    ],
)
def test_a_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    root = use(tmp_path, monkeypatch, "'bytes'")
    monkeypatch.setenv(name, value)
    launcher = (root / "pants").read_text()
    seen = tmp_path / "seen"
    note = (
        f"open({str(seen)!r}, 'a').write(os.getcwd() + ' ' + os.environ['HOME'] + ' ' + "
        "os.environ.get('PANTS_LOCAL_STORE_DIR', '') + os.environ['PANTS_WEIGHTS_DISTDIRS'] + '\\n')\n"
    )
    (root / "pants").write_text(launcher.replace("options =", note + "options =", 1))
    outcome = run(PROGRAM, "--only", "clone")
    assert outcome.exit_code == 0, outcome.output
    *_, here, there = seen.read_text().splitlines()
    assert here.split()[0] == str(root) and "/a/second/clone " in there
    assert here.split()[1] != there.split()[1]
    assert here.endswith("['/checkpoints']") and there.endswith("/store['/checkpoints']")
    assert not Path(there.split()[0]).exists()


def test_stock_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = use(tmp_path, monkeypatch, "'bytes'")
    launcher = (root / "pants").read_text()
    note = "open('stock', 'a').write(os.environ.get('PANTS_EXPORT_STOCK', 'false') + '\\n')\n"
    (root / "pants").write_text(launcher.replace("options =", note + "options =", 1))
    outcome = run(PROGRAM, "--only", "stock,caller")
    assert outcome.exit_code == 0, outcome.output
    # peek, the build to compare with, the caller's and the stock one
    assert (root / "stock").read_text().split() == ["false", "false", "false", "true"]


def test_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = use(tmp_path, monkeypatch, "'bytes'")
    for name in ("PANTS_REMOTE_EXECUTION_ADDRESS", "PANTS_REMOTE_STORE_ADDRESS"):
        outcome = run(PROGRAM, "--remote", "--only", "workers")
        assert outcome.exit_code == 2
        told = outcome.output.replace("\n", " ")
        assert name in told and ": not set. Name the service" in told
        monkeypatch.setenv(name, "grpc://192.0.2.1:1")
    (root / "asked").unlink()
    outcome = run(PROGRAM, "--only", "workers")
    assert outcome.exit_code == 0, outcome.output
    *here, there = (each for each in asked(root) if "package" in each)
    assert "--remote-execution" in there
    assert {"--no-local-cache", "--no-remote-cache-read"} <= set(there)
    # What it is compared with does not leave this machine, whatever the user's options say.
    assert all("--no-remote-execution" in each for each in here)


def test_a_build_that_fails_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = use(tmp_path, monkeypatch, "'bytes'")
    (root / "broken").touch()
    outcome = run(PROGRAM)
    assert outcome.exit_code == 2
    assert "it is broken" in outcome.output


def test_an_export_that_fails_is_no_answer_and_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(tmp_path, monkeypatch, "1 / (time.tzname[0] == 'UTC')")
    outcome = run(PROGRAM, "--only", "time-zone,umask,hash-seed")
    assert outcome.exit_code == 2
    assert "ZeroDivisionError" in outcome.output
    verdicts = [line.split()[-2] for line in outcome.output.splitlines() if line.startswith("│")]
    assert verdicts[:-1] == ["same", "failed", "same"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name one or more programs"),
        (["models/a:three"], "no such address"),
        ([WEIGHTS], f"{WEIGHTS} is a model_weights, not a pte_program"),
        (["--", "--version"], "'--version' is not an address"),
        (["@addresses"], "'@addresses' is not an address"),
        ([PROGRAM, "--only", "clock,moon"], "no perturbation is called ['moon']"),
        ([PROGRAM, "--json", "/no/such/folder/x"], "is not a folder"),
    ],
)
def test_bad_input_is_told_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    root = use(tmp_path, monkeypatch, "'bytes'")
    outcome = run(*arguments)
    assert outcome.exit_code == 2, outcome.output
    assert message in " ".join(outcome.output.split())
    assert not (root / "cache").exists()


def test_a_folder_stands_for_its_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = use(tmp_path, monkeypatch, "'bytes'")
    outcome = run("models/a::", "--only", "clean-build")
    assert outcome.exit_code == 0, outcome.output
    assert asked(root)[-1][-2:] == [PROGRAM, OTHER]


def test_the_list_names_every_perturbation() -> None:
    outcome = run("--list")
    assert outcome.exit_code == 0
    names = [line.split()[0] for line in outcome.output.splitlines()]
    assert names == [one.name for one in PERTURBATIONS]
    assert all(name in run("--help").output for name in names)
