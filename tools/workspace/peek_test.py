from __future__ import annotations

from pathlib import Path

import pytest

from workspace.errors import ToolError
from workspace.peek import peek


def launcher(root: Path, script: str) -> None:
    (root / "pants").write_text("#!/bin/sh\n" + script)
    (root / "pants").chmod(0o755)


def test_pants_is_asked_with_the_given_environment(tmp_path: Path) -> None:
    script = """[ "$*$MARK" = "--no-dynamic-ui --no-colors peek a:a b::x" ] && echo '[{"address": "a:a"}]'\n"""
    launcher(tmp_path, script)
    environment = {"PATH": "/usr/bin:/bin", "MARK": "x"}
    assert peek(tmp_path, ["a:a", "b::"], environment) == [{"address": "a:a"}]


def test_an_unknown_address_is_reported_in_pants_own_words(tmp_path: Path) -> None:
    text = (
        "[ERROR] 1 Exception\\n\\nEngine traceback:\\n  in peek\\n\\n"
        "ResolveError: The address does not exist.\\n\\n  * :b\\n"
    )
    launcher(tmp_path, f"printf '{text}' >&2; exit 1\n")
    with pytest.raises(ToolError) as caught:
        peek(tmp_path, ["a:a"], {"PATH": "/usr/bin:/bin"})
    assert str(caught.value) == "a:a: Pants cannot read it: The address does not exist.\n\n  * :b"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "exit code 3. See `./pants peek a:a`"),
        ("echo 'OddError: ' >&2; exit 1", "OddError:"),
    ],
)
def test_pants_without_a_reason_is_an_error_too(tmp_path: Path, script: str, reason: str) -> None:
    launcher(tmp_path, script)
    with pytest.raises(ToolError) as caught:
        peek(tmp_path, ["a:a"], {"PATH": "/usr/bin:/bin"})
    assert str(caught.value) == f"a:a: Pants cannot read it: {reason}"
