from __future__ import annotations

from pathlib import Path

import pytest

from pin_weights.command.build_file import arguments, find_build_file, literal
from workspace.errors import ToolError

TARGET = 'model_weights(name="a")\n'


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"BUILD": TARGET}, ("BUILD", 1)),
        ({"BUILD": "x = 1\n" + TARGET + 'model_weights(name="b")\n'}, ("BUILD", 2)),
        ({"BUILD": 'other(name="a")\n', "BUILD.weights": TARGET}, ("BUILD.weights", 1)),
        ({"BUILD": TARGET, "BUILDER.py": "not python("}, ("BUILD", 1)),
    ],
)
def test_the_target_is_found(
    tmp_path: Path, files: dict[str, str], expected: tuple[str, int]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = find_build_file(tmp_path, "a")
    assert (found.path.name, found.line(found.call)) == expected
    assert found.text == files[expected[0]]
    assert literal(arguments(found.call)["name"]) == "a"


def test_a_target_without_a_name_is_called_like_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "yolo"
    folder.mkdir()
    (folder / "BUILD").write_text("model_weights()\n")
    assert find_build_file(folder, "yolo").text == "model_weights()\n"
    with pytest.raises(ToolError):
        find_build_file(folder, "a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no calls"),
        (TARGET + TARGET, "2 calls"),
        ('my_macro(name="a")\n', "no calls"),
        ('for x in "a":\n    model_weights(name=x)\n', "no calls"),
        ('for x in "a":\n    model_weights(name="a")\n', "no calls"),
        ('model_weights(name="a" + "")\n', "no calls"),
        ("model_weights(", "cannot be parsed"),
    ],
)
def test_what_is_not_one_literal_target_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "BUILD").write_text(text)
    with pytest.raises(ToolError, match=message):
        find_build_file(tmp_path, "a")


def test_line_endings_are_kept(tmp_path: Path) -> None:
    (tmp_path / "BUILD").write_bytes(b'model_weights(\r\n    name="a",\r\n)\r\n')
    assert find_build_file(tmp_path, "a").text.count("\r\n") == 3
