from __future__ import annotations

from pathlib import Path

from documentation.tool_options import unknown_options


def test_options_are_found_as_flags_and_as_parameters(tmp_path: Path) -> None:
    (tmp_path / "command").mkdir()
    (tmp_path / "command" / "main.py").write_text(
        'def main(names: Annotated[str, Option("--from")], with_clone: Annotated[bool, 1]): ...'
    )
    (tmp_path / "command" / "main_test.py").write_text('run("--tested-only")')
    given = ["int8", "--from=x", "--with-clone", "--help", "--tested-only", "--clone", "A"]
    assert unknown_options(tmp_path, given) == ["--tested-only", "--clone"]


def test_a_tool_that_is_gone(tmp_path: Path) -> None:
    assert unknown_options(tmp_path / "gone", ["--help"]) == [f"{tmp_path / 'gone'} has no sources"]
