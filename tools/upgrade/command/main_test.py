from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from locks.command.plan import PLAN_FILE, Lock, Plan, read_plan
from upgrade.command import main
from upgrade.command.pins_test import PLAN
from workspace.errors import ToolError

HASH = "0" * 64


@pytest.fixture()
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose resolver takes what is asked for; executorch 9 has no solution."""
    file = tmp_path / PLAN_FILE
    file.parent.mkdir(parents=True)
    file.write_text(PLAN)
    for name in ("pants", "pants.toml"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main, "compile_lock", resolve)
    for lock in read_plan(file).locks:
        (file.parent / lock.file).write_text(resolve(read_plan(file), lock))
    return tmp_path


def resolve(plan: Plan, lock: Lock, **_: Any) -> str:
    if any("executorch==9" in text for text in lock.requirements):
        raise ToolError(f"[locks.{lock.name}]: the resolver failed")
    plain = [text.partition(";")[0].replace("[extra]", "") for text in lock.requirements]
    pinned = [text for text in plain if "==" in text]
    return "".join(f"{text} \\\n    --hash=sha256:{HASH}\n" for text in pinned)


def run(*arguments: str) -> Any:  # of click, which is no direct requirement
    return CliRunner().invoke(main.app, list(arguments))


def contents(root: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (root / PLAN_FILE).parent.iterdir()}


@pytest.mark.parametrize(
    ("options", "lock", "next_step"),
    [((), "main", "test models::"), (("--beside",), "main_next", "toolchains/next:index")],
)
def test_plan_and_lockfiles_change_together(
    root: Path, options: tuple[str, ...], lock: str, next_step: str
) -> None:
    before = contents(root)
    result = run("--executorch", "1.5.1", "--also", "torchao=0.19.0", *options)
    assert result.exit_code == 0, result.output
    after = contents(root)
    assert {name for name in after if after[name] != before.get(name)} == {
        "locks.toml",
        f"{lock}.lock",
    }
    assert "executorch==1.5.1" in after[f"{lock}.lock"]
    rows = [[cell.strip() for cell in line.split("│")] for line in result.stdout.splitlines()]
    assert ["", "executorch", "1.4.1", "1.5.1", ""] in rows
    assert next_step in result.stdout
    again = run("--executorch", "1.5.1", *options)
    assert again.exit_code == 2 and "nothing would change" in again.stderr


def test_a_check_writes_nothing(root: Path) -> None:
    before = contents(root)
    result = run("--executorch", "1.5.1", "--check")
    assert result.exit_code == 0 and "1.5.1" in result.stdout
    assert contents(root) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--executorch", "9"], "the resolver failed"),
        (["--executorch", "new"], "is no version"),
        (["--executorch", "1.5.1", "--also", "torch=2.14.0"], "pinned by hand"),
        (["--executorch", "1.5.1", "--also", "torchao"], "is not like torchao=0.18.0"),
        (["--executorch", "1.5.1", "--also", "numpy=2.0"], "pinned in none of the locks main"),
    ],
)
def test_a_failure_leaves_everything_as_it_was(
    root: Path, arguments: list[str], message: str
) -> None:
    before = contents(root)
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert contents(root) == before
