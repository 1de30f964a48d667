from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from doctor.checks.finding import FIRST_PROGRAM, Finding, State
from doctor.command.report import caches_text, findings_text
from doctor.disk.caches import Cache

LONG = Finding(
    "checkpoints",
    State.missing,
    "github.com (no answer within 1.5 s): " + ", ".join(f"yolo{n}_weights" for n in range(9)),
    "Name a folder that has the files with --weights-distdirs: docs/weights.md",
)
WELL = Finding("CPython 3.11, for exports", State.ok, "/home/me/bin/python3.11", needed=True)


def test_it_fits_into_80_columns_and_ends_with_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    lines = findings_text([WELL, LONG], 80, colours=False).splitlines()
    assert lines[0] == "ok       CPython 3.11, for exports  ~/bin/python3.11"
    assert max(len(line) for line in lines[:-1]) <= 80
    assert lines[-2:] == ["Next:", f"  {FIRST_PROGRAM}"]
    # All of it is there, in the column of what was found.
    column = lines[0].index("~")
    texts = [
        line[column:] for line in lines[1:] if line[:column].strip() in ("", "missing  checkpoints")
    ]
    words = " ".join(texts).split()
    assert " ".join(words).startswith(f"{LONG.found} -> {LONG.remedy}")


def test_a_remedy_is_said_once() -> None:
    again = replace(LONG, found="huggingface.co (refused): a")
    text = findings_text([LONG, again, WELL], 200, colours=False)
    assert text.count(LONG.remedy) == 1
    assert text.index(again.found) < text.index(LONG.remedy)


def test_colours_are_of_states_alone() -> None:
    plain = findings_text([WELL, LONG], 80, colours=False)
    coloured = findings_text([WELL, LONG], 80, colours=True)
    assert coloured.replace("\033[32m", "").replace("\033[31m", "").replace("\033[0m", "") == plain
    assert coloured.count("\033[0m") == 2


def test_caches_have_their_size_folder_and_use() -> None:
    text = caches_text({Cache("store", Path("/s"), "results " * 20): 3_200_000_000}, 80)
    assert text.splitlines()[0] == "   3.2 GB  store: /s"
    assert max(map(len, text.splitlines())) <= 80
