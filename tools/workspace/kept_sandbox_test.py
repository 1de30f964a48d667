from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from workspace.errors import ToolError
from workspace.kept_sandbox import KeptSandbox, find_sandbox
from workspace.pants_run import PantsRun
from workspace.run_script import Command


def kept(tmp_path: Path, script: str) -> KeptSandbox:
    (tmp_path / "__run.sh").write_text(script)
    return KeptSandbox(tmp_path)


def run_that_kept(*folders: Path) -> PantsRun:
    lines = [
        f"01:02:03.04 [INFO] Preserving local process execution dir {folder} for Export a:b"
        for folder in folders
    ]
    return PantsRun((), 0, "\n".join(lines), 1.0)


def test_a_process_runs_again_and_is_timed(tmp_path: Path) -> None:
    sandbox = kept(tmp_path, "sleep 0.2; cat input > output\n")
    (tmp_path / "input").write_text("one")
    (tmp_path / "output").write_text("stale")
    assert sandbox.run(("output",)).seconds >= 0.2
    assert (tmp_path / "output").read_text() == "one"


def test_another_command_runs_in_its_place_and_environment(tmp_path: Path) -> None:
    sandbox = kept(tmp_path, "exit 3\n")
    other = Command(("/bin/sh", "-c", 'cp input output; echo "$A$HOME" >> output'), {"A": "1"})
    (tmp_path / "input").write_text("one ")
    sandbox.run(("output",), other)
    assert (tmp_path / "output").read_text() == "one 1\n"


def test_the_memory_of_the_largest_child_is_returned(tmp_path: Path) -> None:
    small = kept(tmp_path, f"{sys.executable} -c 'pass'\n").run(()).peak_bytes
    large = kept(tmp_path, f"{sys.executable} -c 'b\"x\" * 200_000_000'; true\n").run(()).peak_bytes
    assert 1e6 < small < 1e8
    assert 2e8 < large < 3e8


def test_a_failure_shows_the_output(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="(?s)exit code 4.*the reason"):
        kept(tmp_path, "echo the reason; exit 4\n").run(())


def test_a_stale_output_does_not_pass_for_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("stale")
    with pytest.raises(ToolError, match=r"without \['output'\]"):
        kept(tmp_path, "true\n").run(("output",))


def test_a_replaced_input_leaves_its_hard_link_alone(tmp_path: Path) -> None:
    sandbox = kept(tmp_path, "cat input > output\n")
    (tmp_path / "stored").write_text("old")
    os.link(tmp_path / "stored", tmp_path / "input")
    (tmp_path / "edited").write_text("new")
    sandbox.replace(tmp_path / "edited", "input")
    sandbox.run(("output",))
    assert (tmp_path / "output").read_text() == "new"
    assert (tmp_path / "stored").read_text() == "old"
    with pytest.raises(ToolError, match="no other_input"):
        sandbox.replace(tmp_path / "edited", "other_input")


def test_exactly_one_sandbox_is_found(tmp_path: Path) -> None:
    kept(tmp_path, "")
    assert find_sandbox(run_that_kept(tmp_path), "Export a:b").folder == tmp_path
    for folders in ((), (tmp_path, tmp_path), (tmp_path / "gone",)):
        with pytest.raises(ToolError, match="expected one kept sandbox"):
            find_sandbox(run_that_kept(*folders), "Export a:b")


def test_a_copy_has_the_inputs_only_and_shares_their_content(tmp_path: Path) -> None:
    original = tmp_path / "original"
    (original / "deep" / "output").mkdir(parents=True)
    (original / "deep" / "input").write_text("in")
    (original / "deep" / "output" / "file").touch()
    (original / "output").write_text("out")
    (original / "link").symlink_to("/nonexistent")
    sandbox = kept(original, "env -i A=1 /bin/true\n")
    assert sandbox.command() == Command(("/bin/true",), {"A": "1"})
    sandbox.copy_inputs(tmp_path / "copy", ("output",))
    copied = {str(p.relative_to(tmp_path / "copy")) for p in (tmp_path / "copy").rglob("*")}
    assert copied == {"deep", "deep/input", "deep/output", "deep/output/file", "link"}
    assert (tmp_path / "copy" / "link").is_symlink()
    assert (tmp_path / "copy" / "deep" / "input").samefile(original / "deep" / "input")
