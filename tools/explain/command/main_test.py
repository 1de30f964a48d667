from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from explain.command.main import app
from explain.command.sandbox import INSIDE
from reproduce.command.stand_in_repository import OTHER, PROGRAM, WEIGHTS, make_repository

# Stands in for what needs ExecuTorch: exports again, and says what the test wants of it.
_INSIDE = """\
import hashlib, json, pathlib, runpy, sys
request, output, *options = sys.argv[1:]
try:
    runpy.run_module("export", run_name="__main__")
except SystemExit:
    pass
pte = pathlib.Path("program.pte").read_bytes()
folder = pathlib.Path(output)
left = [{"node": f"acosh_{i}", "operator": "aten.acosh.default", "module": f"layer.{i}", "reason": "it is odd"}
        for i in range(5)]
folder.joinpath("explanation.json").write_text(json.dumps({
    "model": "one", "versions": {"executorch": "1.4.1"}, "sha256": hashlib.sha256(pte).hexdigest(),
    "size": len(pte), "operators": {"aten.conv.default": 2, "aten.acosh.default": 5},
    "delegate_calls": [{"call": 0, "delegate": "XnnpackBackend", "operators": {"aten.conv.default": 2},
                        "payload_bytes": 123, "named_data_bytes": 4567}],
    "left_over": left, "kernels": {"aten::acosh.out": 5}}))
folder.joinpath("selected_operators.yaml").write_text("operators: " + request)
folder.joinpath("delegated_graph.txt").write_text("graph()")
if options == ["--etrecord"]:
    folder.joinpath("etrecord.bin").write_bytes(b"record")
"""
# Likewise, for what runs a program: it says which one.
_PROFILE = """\
import json, pathlib, sys
request, program, output = sys.argv[1:]
name = request + " " + pathlib.Path(program).read_text()
pathlib.Path(output, "profile.json").write_text(json.dumps({"threads": 1, "runs": 3, "milliseconds": 2.0, "calls": [
    {"kind": "operator", "name": name, "milliseconds": 1.5, "parts": []}]}))
pathlib.Path(output, "etdump.etdp").write_text("dump")
"""


class Outcome:
    def __init__(self, *arguments: str) -> None:
        result = CliRunner().invoke(app, list(arguments))
        self.exit_code, self.stdout, self.stderr = result.exit_code, result.stdout, result.stderr


@pytest.fixture()
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "200")
    root = make_repository(tmp_path / "repository", "'bytes'")
    (root / INSIDE).mkdir(parents=True)
    (root / INSIDE / "explain_export.py").write_text(_INSIDE)
    (root / INSIDE / "profile_program.py").write_text(_PROFILE)
    monkeypatch.chdir(root)
    return root


def test_the_text_has_sizes_and_reasons(repository: Path) -> None:
    outcome = Outcome(PROGRAM, "--weights-source", "seeded")
    assert outcome.exit_code == 0, outcome.stderr
    lines = [[cell.strip() for cell in line.split("│")] for line in outcome.stdout.splitlines()]
    assert ["", "aten.conv.default", "2", "2", "0", ""] in lines
    assert ["", "all", "7", "2", "5", ""] in lines
    assert ["", "0", "XnnpackBackend", "2", "123 bytes", "4567 bytes", ""] in lines
    where = "layer.0, layer.1, layer.2 and 2 more"
    assert ["", "aten.acosh.default", "5", "it is odd", where, ""] in lines
    assert "5 aten::acosh.out" in outcome.stdout
    built = [json.loads(line) for line in (repository / "asked").read_text().splitlines()][-1]
    assert built[-3:] == ["--weights-source=seeded", "package", PROGRAM]
    assert "--no-local-cache" in built


def test_json_and_files(repository: Path, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("operators", "dump", "etrecord")}
    options = [word for name, file in files.items() for word in (f"--{name}", str(file))]
    outcome = Outcome(PROGRAM, "--json", *options)
    assert outcome.exit_code == 0, outcome.stderr
    said = json.loads(outcome.stdout)
    assert (said["address"], said["size"], len(said["left_over"])) == (PROGRAM, 5, 5)
    contents = {name: file.read_text() for name, file in files.items()}
    # The first argument is the request, as of the real export.
    assert contents == {"operators": "operators: one", "dump": "graph()", "etrecord": "record"}


def test_a_profile_has_times_and_a_picture(repository: Path, tmp_path: Path) -> None:
    outcome = Outcome(PROGRAM, "--profile")
    assert outcome.exit_code == 0, outcome.stderr
    lines = [[cell.strip() for cell in line.split("│")] for line in outcome.stdout.splitlines()]
    assert ["", "one bytes", "1", "1.500", "75.0", ""] in lines
    picture = repository / "dist/models/a/one_xnnpack.profile.svg"
    assert "one bytes" in picture.read_text()
    assert f"written: {picture}" in outcome.stderr
    svg, dump = tmp_path / "own.svg", tmp_path / "own.etdp"
    files = (f"--svg={svg}", f"--etdump={dump}")
    outcome = Outcome(PROGRAM, "--profile", "--json", *files)
    assert json.loads(outcome.stdout)["shares"][0]["name"] == "one bytes"
    assert svg.read_text() == picture.read_text() and dump.read_text() == "dump"


def test_other_bytes_are_an_error(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "graph.txt"
    export = repository / "kept" / "src" / "export.py"
    export.write_text(export.read_text().replace("str('bytes')", "os.getcwd()"))
    outcome = Outcome(PROGRAM, "--dump", str(file))
    assert outcome.exit_code == 2
    assert "wrote other bytes" in outcome.stderr and "./foundry reproduce" in outcome.stderr
    assert not file.exists()


def test_a_failure_inside_is_told(repository: Path) -> None:
    (repository / INSIDE / "explain_export.py").write_text("raise SystemExit('no such operator')")
    outcome = Outcome(PROGRAM)
    assert outcome.exit_code == 2
    assert "no such operator" in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["models/a::"], "stands for 2 programs"),
        ([WEIGHTS], "is a model_weights"),
        ([PROGRAM, "--dump", "no/such/folder/file"], "no/such/folder is not a folder"),
        (["--", "-x"], "is not an address"),
        ([PROGRAM, "--svg", "a.svg"], "a.svg: the option for it goes with --profile only"),
        ([PROGRAM, "--profile", "--dump", "a"], "a: the option for it does not go with --profile"),
        (["models/a::", "--profile"], "stands for 2 programs"),
    ],
)
def test_bad_input(repository: Path, arguments: list[str], message: str) -> None:
    outcome = Outcome(*arguments)
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    asked = repository / "asked"
    assert not asked.exists() or "package" not in asked.read_text()


def test_programs_of_one_folder_are_told_apart(repository: Path) -> None:
    outcome = Outcome(OTHER, "--json")
    assert json.loads(outcome.stdout)["address"] == OTHER
