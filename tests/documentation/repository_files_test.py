"""Files that hosting sites read."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from documentation.documented import CONFIGURATION, hook_commands

FORMS = sorted(Path(".github/ISSUE_TEMPLATE").glob("*.yml"))
# https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests
_TYPES = {"checkboxes", "dropdown", "input", "markdown", "textarea"}


def test_hooks_are_commands_of_this_repository() -> None:
    """`executed_test.py` runs them."""
    assert hook_commands()
    assert all(command.startswith("./pants ") for command in hook_commands())


def test_hooks_need_neither_network_nor_file_names() -> None:
    (source,) = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))["repos"]
    assert source["repo"] == "local"
    for hook in source["hooks"]:
        assert hook["language"] == "system", hook["id"]
        assert hook["pass_filenames"] is False, hook["id"]


@pytest.mark.parametrize(
    "form", [form for form in FORMS if form.name != "config.yml"], ids=lambda form: str(form.name)
)
def test_issue_forms_are_what_the_site_reads(form: Path) -> None:
    content = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert content["name"]
    assert content["description"]
    ids = [part["id"] for part in content["body"] if part["type"] != "markdown"]
    assert len(set(ids)) == len(ids) > 0
    for part in content["body"]:
        assert part["type"] in _TYPES
        assert part["attributes"].get("value" if part["type"] == "markdown" else "label")


def test_there_are_issue_forms() -> None:
    assert {form.name for form in FORMS} >= {"bug.yml", "config.yml", "model.yml"}


def test_no_owner_is_made_up() -> None:
    """Rules begin with a pattern; there are none until the file has a real handle."""
    text = Path(".github/CODEOWNERS").read_text(encoding="utf-8")
    assert "HANDLE" in text
    assert [line for line in text.splitlines() if line and not line.startswith("#")] == []


def test_our_code_is_under_apache_2_0() -> None:
    ours = Path("LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in ours
    assert ours == Path("LICENSES/Apache-2.0.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("license_id", "family"), [("AGPL-3.0-only", "yolo"), ("BSD-3-Clause", "mobilenet")]
)
def test_the_licences_of_weights_are_those_of_their_families(license_id: str, family: str) -> None:
    """The text beside the weights' BUILD file and the one that REUSE requires are the same."""
    text = Path(f"LICENSES/{license_id}.txt").read_text(encoding="utf-8")
    assert text == Path(f"models/{family}/LICENSE").read_text(encoding="utf-8")
    assert f'license="{license_id}"' in Path(f"models/{family}/BUILD").read_text(encoding="utf-8")
