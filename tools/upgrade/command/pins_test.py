from __future__ import annotations

from pathlib import Path

import pytest

from locks.command.plan import Lock, read_plan
from upgrade.command.pins import check_version, locks_to_change, pinned_version, with_pins
from workspace.errors import ToolError

PLAN = """\
platforms = ["linux-x86_64"]

# Comments stay: "executorch==1.4.1" too.
[locks.main]
about = "executorch==1.4.1 and torch"
python = ["3.11"]
requirements = ["torch==2.13.0", "executorch==1.4.1", "torchao==0.18.0"]

[locks.main_next]
about = "the next"
python = ["3.11"]
requirements = [
  "executorch[extra]==1.4.1; sys_platform == 'linux'", # why
  "torchao==0.18.0",
]

[locks.main_1_3]
about = "what stays"
python = ["3.11"]
requirements = ["executorch==1.3.0"]

[locks.other]
about = "no executorch"
python = ["3.11"]
requirements = ["executorch-examples==1.4.1", "filelock"]
"""


def plan(tmp_path: Path, text: str = PLAN) -> dict[str, Lock]:
    file = tmp_path / "locks.toml"
    file.write_text(text)
    return {lock.name: lock for lock in read_plan(file).locks}


@pytest.mark.parametrize("name", ["main", "main_next"])
def test_one_lock_changes_and_nothing_else(tmp_path: Path, name: str) -> None:
    locks = plan(tmp_path)
    versions = {"executorch": "1.5.1", "torchao": "0.19.0"}
    text = with_pins(PLAN, [locks[name]], versions)
    after = plan(tmp_path, text)
    assert {each for each in locks if after[each] != locks[each]} == {name}
    assert {package: pinned_version(after[name], package) for package in versions} == versions
    assert [line for line in text.splitlines() if "#" in line] == [
        line.replace("1.4.1;", "1.5.1;") if name == "main_next" else line
        for line in PLAN.splitlines()
        if "#" in line
    ]


def test_which_locks(tmp_path: Path) -> None:
    locks = list(plan(tmp_path).values())
    assert [lock.name for lock in locks_to_change(locks, "executorch", False)] == ["main"]
    assert [lock.name for lock in locks_to_change(locks, "executorch", True)] == ["main_next"]
    with pytest.raises(ToolError, match="no lock of the present version pins nonesuch"):
        locks_to_change(locks, "nonesuch", False)


def test_spaces_in_a_requirement_stay(tmp_path: Path) -> None:
    text = PLAN.replace('"torch==2.13.0", "executorch==', '"torch==2.13.0", "executorch == ')
    changed = with_pins(text, [plan(tmp_path, text)["main"]], {"executorch": "1.5.1"})
    assert changed == text.replace("executorch == 1.4.1", "executorch == 1.5.1")


def test_versions() -> None:
    check_version("executorch", "1.5.0rc1")
    with pytest.raises(ToolError, match="'latest' is no version"):
        check_version("executorch", "latest")
    with pytest.raises(ToolError, match="pinned by hand"):
        check_version("torch", "2.14.0")
