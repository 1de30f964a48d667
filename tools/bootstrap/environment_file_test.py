from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from environment_file import render

_FUNCTIONS = """
_pte_require() { [[ -e "$2" ]] && (($(wc -c <"$2") == $1)); }
_pte_unchanged() { [[ "$1" != *changed* ]]; }
_pte_default() { export "$1=$2"; }
"""


def _source(text: str) -> subprocess.CompletedProcess[str]:
    script = f'{_FUNCTIONS}f() {{ {text}\n}}\nf && printf "%s|%s" "$NAME" "${{pte_pants-none}}"'
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True)


def test_values_reach_the_shell_unchanged(tmp_path: Path) -> None:
    value = 'it\'s "$HOME" `id` \\ * ü'
    file = tmp_path / "a file"
    file.write_text("text")
    finished = _source(render({"NAME": value}, (file,), (), tmp_path / "a b"))
    assert finished.stdout == f"{value}|{tmp_path / 'a b'}"


@pytest.mark.parametrize("change", [Path.unlink, lambda file: file.write_text("tex")])
def test_nothing_is_exported_once_a_required_file_is_gone_or_cut_off(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    text = render({"NAME": "x"}, (file,), (), None)
    change(file)
    finished = _source(text)
    assert (finished.returncode, finished.stdout) == (1, "")


def test_nothing_is_exported_once_a_watched_file_has_changed() -> None:
    finished = _source(render({"NAME": "x"}, (), (Path("/changed"),), None))
    assert (finished.returncode, finished.stdout) == (1, "")


def test_lines_are_sorted() -> None:
    assert (
        render({"B": "1", "A": "2"}, (), (), None) == "_pte_default A 2\n_pte_default B 1\n# end\n"
    )
