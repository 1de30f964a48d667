from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from pte_foundry.bytecode import compile_modules

SOURCE_ROOT = Path(__file__).parents[1]


@pytest.fixture()
def environment(tmp_path: Path) -> Path:
    """An environment with one package, which has no bytecode."""
    folder = tmp_path / "environment"
    venv.create(folder, symlinks=True)
    for packages in folder.glob("lib/python3*/site-packages"):
        (packages / "locked").mkdir()
        (packages / "locked" / "__init__.py").write_text("")
        (packages / "locked" / "used.py").write_text("from . import __name__\n")
        (packages / "locked" / "unused.py").write_text("")
    return folder


def _run(environment: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run `code` inside `with kept_bytecode():`, where Python itself writes no bytecode."""
    text = "from pte_foundry.bytecode import kept_bytecode\nwith kept_bytecode():\n"
    text += "".join(f"    {line}\n" for line in code.splitlines())
    return subprocess.run(
        [environment / "bin" / "python", "-c", text],
        env={"PATH": "", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(SOURCE_ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def _compiled(environment: Path) -> set[str]:
    return {path.name.split(".")[0] for path in environment.rglob("locked/__pycache__/*.pyc")}


def test_what_was_imported_is_compiled_and_nothing_else(environment: Path) -> None:
    ran = _run(environment, "import locked.used")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert _compiled(environment) == {"__init__", "used"}


def test_what_a_failing_block_has_imported_is_compiled_too(environment: Path) -> None:
    ran = _run(environment, "import locked\nraise SystemExit(7)")
    assert ran.returncode == 7
    assert _compiled(environment) == {"__init__"}


def test_the_block_ends_when_all_is_compiled(environment: Path) -> None:
    """Otherwise a process would be left behind, whose sandbox is removed."""
    text = """
import os, pathlib, time
from pte_foundry import bytecode
done = pathlib.Path("done")
def slowly(sources, environment):
    time.sleep(0.5)
    done.touch()
bytecode.compile_modules = slowly
with bytecode.kept_bytecode():
    pass
raise SystemExit(0 if done.exists() else 1)
"""
    ran = subprocess.run(
        [environment / "bin" / "python", "-c", text],
        env={"PATH": "", "PYTHONPATH": str(SOURCE_ROOT)},
        cwd=environment,
        timeout=60,
    )
    assert ran.returncode == 0


def test_bytecode_that_is_there_is_left_alone(environment: Path) -> None:
    _run(environment, "import locked.used")
    before = {path: path.stat().st_mtime_ns for path in environment.rglob("*.pyc")}
    ran = _run(environment, "import locked.used, locked.unused")
    assert ran.returncode == 0
    after = {path: path.stat().st_mtime_ns for path in environment.rglob("*.pyc")}
    assert {path: after[path] for path in before} == before
    assert [path.name.split(".")[0] for path in after.keys() - before.keys()] == ["unused"]


def test_bytecode_is_written_where_the_block_itself_cannot_write(environment: Path) -> None:
    """As in a sandbox: the block is confined, and its child is not."""
    sandbox = environment.parent / "sandbox"
    sandbox.mkdir()
    code = (
        f"import os\nos.chdir({str(sandbox)!r})\n"
        "from pte_foundry.confinement.confined import confined\n"
        "def work():\n"
        "    import locked.used\n"
        "    return 0\n"
        "confined(work)"
    )
    ran = _run(environment, code)
    assert ran.returncode == 0, ran.stderr
    assert _compiled(environment) == {"__init__", "used"}


def test_sources_outside_are_not_compiled(environment: Path, tmp_path: Path) -> None:
    outside = tmp_path / "own.py"
    outside.write_text("")
    link = environment / "link.py"
    link.symlink_to(outside)
    inside = environment / "inside.py"
    inside.write_text("")
    written = compile_modules([outside, link, environment / ".." / "own.py", inside], environment)
    assert [path.name.split(".")[0] for path in written] == ["inside"]
    assert list(tmp_path.glob("__pycache__")) == []


def test_what_cannot_be_compiled_or_written_is_passed_over(environment: Path) -> None:
    broken = environment / "broken.py"
    broken.write_text("def (\n")
    text = environment / "text.txt"
    text.write_text("")
    sound = environment / "sound.py"
    sound.write_text("")
    written = compile_modules([environment / "absent.py", broken, text, sound], environment)
    assert [path.name.split(".")[0] for path in written] == ["sound"]


def test_no_bytecode_of_an_interpreter_without_environment(tmp_path: Path) -> None:
    code = (
        "import os, sys; sys.prefix = sys.base_prefix\n"
        "from pte_foundry.bytecode import kept_bytecode\n"
        "os.fork = lambda: 1 / 0\n"
        "with kept_bytecode(): pass"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE_ROOT)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, timeout=60)
    assert ran.returncode == 0
