"""Python tests that a glob skips; the plugin's own tests do without Pants' whole Python backend."""

from __future__ import annotations

import pytest

from end_to_end.clone import UserClone

BUILD = """
python_tests(name="soon", sources=["soon_test.py"])
nightly_python_tests(name="late", sources=["late_test.py"])
"""
TEST = "def test_sum() -> None:\n    assert 1 + 1 == {}\n"


@pytest.fixture()
def folder(clone: UserClone) -> str:
    """The folder of a test that passes and a nightly one that fails, so that neither can be mistaken for the other."""
    folder = clone.root / "tiers"
    folder.mkdir()
    for name, text in (
        ("BUILD", BUILD),
        ("soon_test.py", TEST.format(2)),
        ("late_test.py", TEST.format(3)),
    ):
        (folder / name).write_text(text)
    return "tiers::"


def test_nightly_python_tests_run_on_request(clone: UserClone, folder: str) -> None:
    plain = clone.run("test", folder)
    assert plain.exit_code == 0, plain.output
    assert "tiers/soon_test.py:soon succeeded" in plain.output
    *_, last = plain.output.splitlines()
    assert last.endswith(
        "Left out: 1 test tagged `nightly` (tiers 1). Add `--tag=nightly` to run them instead."
    )
    for arguments in (("--tag=nightly", "test", folder), ("test", "tiers/late_test.py")):
        asked = clone.run(*arguments)
        assert asked.exit_code == 1, asked.output
        assert "tiers/late_test.py:late failed" in asked.output
        assert "assert (1 + 1) == 3" in asked.output
        assert "soon_test.py" not in asked.output
