from __future__ import annotations

from pathlib import Path

import pytest

from bench.benchmarks.edits import add_unique_comment, unique_comment
from workspace.errors import ToolError


@pytest.mark.parametrize("before", ["", "x = 1", "x = 1\n", "s = 'é'\n"])
def test_a_comment_is_a_line_of_its_own_and_never_the_same(tmp_path: Path, before: str) -> None:
    file = tmp_path / "code.py"
    seen = set()
    for _ in range(2):
        file.write_text(before, encoding="utf-8")
        add_unique_comment(file)
        lines = file.read_text(encoding="utf-8").splitlines()
        assert lines[:-1] == before.splitlines()
        assert lines[-1].startswith("# ")
        seen.add(lines[-1])
    assert len(seen) == 2


def test_the_file_is_put_back_even_after_an_error(tmp_path: Path) -> None:
    file = tmp_path / "BUILD"
    file.write_bytes(b"target()\r\n")
    with pytest.raises(RuntimeError), unique_comment(file):
        assert file.read_bytes() != b"target()\r\n"
        raise RuntimeError
    assert file.read_bytes() == b"target()\r\n"


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="gone.py"), unique_comment(tmp_path / "gone.py"):
        pass
    assert not (tmp_path / "gone.py").exists()
