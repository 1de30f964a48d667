"""Documented commands in a clone: all make sense to Pants, and the cheap ones are run."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from documentation.covered_commands import TABLE, entry_of, read_table
from documentation.documented import documented
from documentation.pants_vocabulary import problems, read_vocabulary
from end_to_end.clone import PARTS, UserClone, make_clone

# What this clone has beyond those of the end-to-end tests.
_DOCUMENTS = ("docs", "examples", "tests")


def to_be_run() -> list[str]:
    table = read_table(TABLE.read_text(encoding="utf-8"))
    entries = {text: entry_of(text, table) for text in documented()}
    return [text for text, entry in entries.items() if entry is not None and entry.here]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UserClone]:
    made = make_clone(tmp_path_factory.mktemp("clone") / "pte-foundry")
    assert not set(_DOCUMENTS) & set(PARTS)
    for name in _DOCUMENTS:
        shutil.copytree(name, made.root / name, dirs_exist_ok=True)
    # Otherwise what Pants and Python write there would count as changed.
    shutil.copy(".gitignore", made.root)
    git = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for arguments in (
        ["add", "--all"],
        ["commit", "--quiet", "-m", "Documents"],
        # A clone of a hosted repository has it.
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        subprocess.run([*git, *arguments], cwd=made.root, check=True)
    yield made
    made.stop()


def test_options_goals_and_targets_exist(clone: UserClone) -> None:
    help_all, listed = clone.run("help-all"), clone.run("list", "::")
    assert (help_all.exit_code, listed.exit_code) == (0, 0), listed.output
    # The daemon may say something first.
    vocabulary = read_vocabulary(help_all.output[help_all.output.index("{\n") :], listed.output)
    wrong = {
        text: found
        for text in documented()
        if text.startswith("./pants ") and (found := problems(text, vocabulary))
    }
    assert wrong == {}


def test_commands_are_run_here() -> None:
    assert len(to_be_run()) > 10


@pytest.mark.parametrize("command", to_be_run())
def test_the_command_succeeds(clone: UserClone, command: str) -> None:
    program, *arguments = command.split()
    if program == "./foundry":
        arguments = ["run", "tools/foundry", "--", *arguments]
    outcome = clone.run(*arguments)
    assert outcome.exit_code == 0, outcome.output
