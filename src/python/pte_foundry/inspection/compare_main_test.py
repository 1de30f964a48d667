from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.inspection.compare_main import main


def test_exit_codes_and_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"oxe")):
        (tmp_path / name).write_bytes(content)
    a, b, c, d = (str(tmp_path / name) for name in "abcd")
    assert main([a, b]) == 0
    assert capsys.readouterr().out == "equal\n"
    assert main([a, c]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("byte 1 of 3 of the file")
    assert main([a, d]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and d in captured.err
