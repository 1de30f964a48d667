from __future__ import annotations

from pathlib import Path

import pytest

from locks.command.plan import read_plan
from workspace.errors import ToolError

GOOD = """
platforms = ["linux-x86_64", "macos-arm64"]
[pins.torch]
version = "2.0"
sha256 = ["aa"]
only_on = { macos-arm64 = ["nvidia-*"] }
[constraints]
numpy = "2.4"
[locks.one]
about = "the first"
python = ["3.9", "3.11"]
requirements = ["six"]
drop = ["pandas"]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "locks.toml"
    path.write_text(text)
    return path


def test_a_plan_is_read(tmp_path: Path) -> None:
    plan = read_plan(write(tmp_path, GOOD))
    (lock,) = plan.locks
    assert (lock.file, lock.requirements, lock.drop) == ("one.lock", ("six",), ("pandas",))
    assert plan.pins["torch"].version == "2.0"
    assert plan.pins["torch"].only_on == {"macos-arm64": ("nvidia-*",)}
    assert [
        (environment["python_version"], environment["sys_platform"])
        for environment in plan.environments(lock)
    ] == [("3.9", "linux"), ("3.9", "darwin"), ("3.11", "linux"), ("3.11", "darwin")]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"macos-arm64"', '"amiga"', r"platforms: unknown \['amiga'\]; known are"),
        (
            "{ macos-arm64",
            "{ amiga",
            r"\[pins.torch.only_on\]: unknown platforms \['amiga'\]; known are",
        ),
        ("drop =", "dropped =", r"\[locks.one\]: unknown keys \['dropped'\]"),
        ('about = "the first"', "", r"\[locks.one\]: `about` is missing"),
        ("[constraints]", "[constraints", "not valid TOML"),
    ],
)
def test_a_wrong_plan_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ToolError, match=message):
        read_plan(write(tmp_path, GOOD.replace(old, new)))


def test_a_missing_plan_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no such file; the repository is not complete"):
        read_plan(tmp_path / "locks.toml")
