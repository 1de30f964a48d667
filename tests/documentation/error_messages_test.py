from __future__ import annotations

from pathlib import Path

import pytest

from documentation.error_messages import Sources, read_sources

SOURCE = """
def f(x: str) -> None:
    raise PteError("bad-thing", f"{x} is bad: "
        "it has no " f"{x!r}. Correct it")
def g(kind: str) -> None:
    raise errors.PteError(kind, "something")
MESSAGE = "one " + "two"
"""


@pytest.fixture()
def sources(tmp_path: Path) -> Sources:
    folder = tmp_path / "src/python/library"
    folder.mkdir(parents=True)
    (folder / "file.py").write_text(SOURCE)
    (folder / "file_test.py").write_text('PteError("of-a-test", "not a message of ours")')
    return read_sources(tmp_path)


def test_kinds_are_literal_first_arguments(sources: Sources) -> None:
    assert sources.kinds == {"bad-thing": {"src/python/library/file.py"}}


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("is bad: it has no", True),
        ("is bad … Correct it", True),
        ("one two", True),
        ("Correct it … is bad", False),
        ("not a message of ours", False),
        ("is good", False),
    ],
)
def test_phrases_are_found_over_adjacent_literals(
    sources: Sources, phrase: str, said: bool
) -> None:
    assert sources.say(phrase) is said
