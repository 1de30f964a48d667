from __future__ import annotations

import errno
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import prepare
import pytest
from messages import PreparationError


def _main(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failure: BaseException) -> int:
    def fail(*arguments: object) -> None:
        raise failure

    monkeypatch.setattr(prepare, "prepare", fail)
    monkeypatch.setattr(os, "umask", lambda mode: mode)
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    return prepare.main(["--cache", str(tmp_path), "--environment-file", str(tmp_path / "e")])


@pytest.mark.parametrize(
    ("failure", "status", "text"),
    [
        (PreparationError("what failed"), 1, "pants: what failed"),
        (OSError(errno.ENOSPC, "full"), 1, "no disk space left"),
        (OSError(errno.EDQUOT, "quota"), 1, "no disk space left"),
        (PermissionError(errno.EACCES, "denied", "/there"), 1, "denied: '/there'"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_failures_are_messages(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    failure: BaseException,
    status: int,
    text: str,
) -> None:
    assert _main(monkeypatch, tmp_path, failure) == status
    assert text in capsys.readouterr().err


def test_a_programming_error_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ZeroDivisionError):
        _main(monkeypatch, tmp_path, ZeroDivisionError())


def test_bad_input_is_refused_before_any_work(tmp_path: Path) -> None:
    environment: Mapping[str, str] = {"HOME": str(tmp_path), "PATH": "", "PTE_PYTHON311": "/none"}
    with pytest.raises(PreparationError, match="3.11"):
        prepare.prepare(tmp_path / "cache", tmp_path / "e", True, environment)
    assert list(tmp_path.iterdir()) == []
