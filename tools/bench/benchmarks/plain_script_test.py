from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bench.benchmarks.plain_script import (
    PlainPython,
    builder_file,
    environments_seconds,
    export_stock,
    make_plain_pythons,
)
from bench.benchmarks.programs import BenchProgram
from bench.benchmarks.setting import Setting
from bench.benchmarks.stand_in_exports import (
    ADDRESS,
    BUILDER,
    INTERPRETER,
    OLDER_ADDRESS,
    files,
    launcher,
)
from bench.benchmarks.stand_in_repository import stand_in_setting
from bench.benchmarks.uncached import package_and_keep
from workspace.clone import Clone
from workspace.errors import ToolError
from workspace.kept_sandbox import KeptSandbox

PROGRAM = BenchProgram(ADDRESS)


@contextmanager
def exported(
    folder: Path, interpreter: str = INTERPRETER, script: tuple[str, str] = ("", "")
) -> Iterator[tuple[Setting, Clone, KeptSandbox]]:
    """A clone in which the program was exported, and the sandbox of the export."""
    log = folder / "log"
    setting = stand_in_setting(folder, launcher(log).replace(*script), files(log, interpreter))
    settings = {"PTE_FOUNDRY_CACHE": "/launcher"}
    setting = replace(setting, environment={**setting.environment, **settings})
    with setting.clone("clone") as clone:
        yield setting, clone, package_and_keep(setting, clone, [PROGRAM]).sandboxes[PROGRAM]


def make(setting: Setting, clone: Clone, sandbox: KeptSandbox) -> PlainPython:
    return make_plain_pythons(setting, clone, {PROGRAM: sandbox})[PROGRAM]


def test_the_locks_of_the_programs_are_installed(tmp_path: Path) -> None:
    with exported(tmp_path) as (setting, clone, sandbox):
        python = make(setting, clone, sandbox)
        assert python.executable.is_file() and python.seconds > 0
    _, pip = (tmp_path / "log").read_text().splitlines()
    assert "-m pip install " in pip and " --find-links /launcher/wheels " in pip
    assert pip.endswith(" --no-deps --require-hashes -r 3rdparty/python/executorch.lock")


def test_each_release_of_executorch_has_an_environment(tmp_path: Path) -> None:
    older, another = BenchProgram(OLDER_ADDRESS), BenchProgram(f"{ADDRESS}_2")
    with exported(tmp_path) as (setting, clone, sandbox):
        pythons = make_plain_pythons(
            setting, clone, dict.fromkeys((PROGRAM, older, another), sandbox)
        )
    assert pythons[PROGRAM] == pythons[another]
    assert pythons[PROGRAM].executable != pythons[older].executable
    assert environments_seconds(pythons) == pythons[PROGRAM].seconds + pythons[older].seconds
    _, *pip = (tmp_path / "log").read_text().splitlines()
    assert [line.rpartition(" ")[2] for line in pip] == [
        "3rdparty/python/executorch.lock",
        "3rdparty/python/executorch_1_4.lock",
    ]


def test_the_request_asks_for_stock_exports_and_the_environment_is_that_of_the_export(
    tmp_path: Path,
) -> None:
    with exported(tmp_path) as (setting, clone, sandbox):
        before = json.loads((sandbox.folder / "export_request.json").read_text())
        assert export_stock(clone, PROGRAM, sandbox, make(setting, clone, sandbox)).seconds > 0
        assert json.loads((sandbox.folder / "export_request.json").read_text()) == before
    line = (tmp_path / "log").read_text().splitlines()[-1]
    variables, _, request = line.partition(" {")
    assert variables == "stock 1 src/python"
    assert json.loads("{" + request) == {**before, "stock": True}


def test_other_bytes_are_an_error(tmp_path: Path) -> None:
    interpreter = INTERPRETER.replace("touch stock.json", "echo >> stock.pte; touch stock.json")
    with exported(tmp_path, interpreter) as (setting, clone, sandbox):
        python = make(setting, clone, sandbox)
        with pytest.raises(ToolError, match=f"{ADDRESS}: stock ExecuTorch gave other bytes"):
            export_stock(clone, PROGRAM, sandbox, python)


def test_what_pip_says_is_shown(tmp_path: Path) -> None:
    interpreter = INTERPRETER.replace('"-m pip "*)', '"-m pip "*) echo no such wheel; exit 4;')
    with (
        exported(tmp_path, interpreter) as (setting, clone, sandbox),
        pytest.raises(ToolError, match=r"(?s)executorch.lock'\] cannot.*no such wheel"),
    ):
        make(setting, clone, sandbox)


def test_a_program_without_locks_is_an_error(tmp_path: Path) -> None:
    with (
        exported(tmp_path, script=("executorch.lock:", "executorch:")) as (setting, clone, sandbox),
        pytest.raises(ToolError, match="names none"),
    ):
        make(setting, clone, sandbox)


def test_the_builder_is_found_by_its_module(tmp_path: Path) -> None:
    with exported(tmp_path) as (_, clone, sandbox):
        assert builder_file(clone, sandbox) == BUILDER
        (clone.root / BUILDER).unlink()
        with pytest.raises(ToolError, match="pte_foundry.models.mobilenet is in no file"):
            builder_file(clone, sandbox)
