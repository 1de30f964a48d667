from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cache_folder import (
    LOCK_NAME,
    SCRATCH_PREFIX,
    locked,
    matches,
    publish,
    require_match,
    scratch_folder,
)
from messages import PreparationError

# FIPS 180-2, appendix B.1: SHA-256 of "abc".
_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
_HOLDER = """
import sys, time
from pathlib import Path
from cache_folder import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
    Path(sys.argv[1], "done").touch()
"""


def _hold(cache: Path, seconds: float) -> subprocess.Popen[str]:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(cache), str(seconds)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_waits_for_the_holder_and_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with _hold(tmp_path, 0.5) as child, locked(tmp_path):
        assert (tmp_path / "done").exists()
    assert f"waiting for another ./pants (pid {child.pid})" in capsys.readouterr().err


def test_a_killed_holder_leaves_no_lock_behind(tmp_path: Path) -> None:
    with _hold(tmp_path, 60.0) as child:
        child.kill()
    started = time.monotonic()
    with locked(tmp_path):
        assert (tmp_path / LOCK_NAME).read_text() == str(os.getpid())
    assert time.monotonic() - started < 10


def test_removes_what_an_interrupted_run_left(tmp_path: Path) -> None:
    (tmp_path / f"{SCRATCH_PREFIX}old" / "venv").mkdir(parents=True)
    (tmp_path / "wheels").mkdir()
    with locked(tmp_path):
        assert sorted(path.name for path in tmp_path.iterdir()) == [LOCK_NAME, "wheels"]


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_an_unusable_folder_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(PreparationError, match=f"cannot use .*{name}.*\n.*PTE_FOUNDRY_CACHE"),
        locked(tmp_path / name),
    ):
        pass


def test_a_scratch_folder_goes_away_on_an_interrupt(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), scratch_folder(tmp_path) as scratch:
        (scratch / "half").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_publish_replaces_a_file_and_a_folder(tmp_path: Path) -> None:
    for kind in ("file", "folder"):
        for text in ("old", "new"):
            with scratch_folder(tmp_path) as scratch:
                if kind == "file":
                    (scratch / kind).write_text(text)
                else:
                    (scratch / kind).mkdir()
                    (scratch / kind / text).touch()
                publish(scratch / kind, tmp_path / "deep" / kind)
    assert (tmp_path / "deep" / "file").read_text() == "new"
    assert [path.name for path in (tmp_path / "deep" / "folder").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


def test_matches_needs_hash_and_size(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    assert not matches(path, _ABC, 3)
    path.write_bytes(b"abc")
    assert matches(path, _ABC, 3)
    assert not matches(path, _ABC, 4)
    path.write_bytes(b"abd")
    assert not matches(path, _ABC, 3)


def test_the_error_shows_both_hashes_and_the_advice(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    require_match(path, _ABC, 3, "unused")
    with pytest.raises(
        PreparationError, match=f"wrong hash: abc has sha256 {_ABC}.*{'0' * 64}"
    ) as caught:
        require_match(path, "0" * 64, 3, "Look at the mirror.")
    assert str(caught.value).endswith("Look at the mirror.")
