from __future__ import annotations

import subprocess
from pathlib import Path

from environment_file import render

_FUNCTIONS = """
_pte_require() { [[ -e "$1" ]]; }
_pte_unchanged() { [[ "$1" != *changed* ]]; }
_pte_default() { export "$1=$2"; }
"""


def _source(text: str) -> subprocess.CompletedProcess[str]:
    script = f'{_FUNCTIONS}f() {{ {text}\n}}\nf && printf "%s|%s" "$NAME" "${{pte_pants-none}}"'
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True)


def test_values_reach_the_shell_unchanged(tmp_path: Path) -> None:
    value = 'it\'s "$HOME" `id` \\ * ü'
    finished = _source(render({"NAME": value}, (tmp_path,), (), tmp_path / "a b"))
    assert finished.stdout == f"{value}|{tmp_path / 'a b'}"


def test_nothing_is_exported_once_a_required_file_is_gone(tmp_path: Path) -> None:
    finished = _source(render({"NAME": "x"}, (tmp_path / "gone",), (), None))
    assert (finished.returncode, finished.stdout) == (1, "")


def test_nothing_is_exported_once_a_watched_file_has_changed() -> None:
    finished = _source(render({"NAME": "x"}, (), (Path("/changed"),), None))
    assert (finished.returncode, finished.stdout) == (1, "")


def test_lines_are_sorted() -> None:
    assert render({"B": "1", "A": "2"}, (), (), None) == "_pte_default A 2\n_pte_default B 1\n"
