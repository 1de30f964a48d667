"""The substitutes file: every way in which it can be malformed, and what it says otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.errors import PteBuildError
from pte_build.test_support import make_runner, refusal, set_options
from pte_build.weights.substitutes import (
    Substitute,
    Substitutes,
    SubstitutesFile,
    parse_substitutes,
)

ENTRY = {"file": "tuned/a.pth", "sha256": "0a" * 32, "size": 7, "description": "fine-tuned"}
WEIGHTS = "models/alpha:alpha_weights"


def test_file_is_relative_to_the_folder_of_the_map() -> None:
    parsed = parse_substitutes(json.dumps({WEIGHTS: ENTRY}), "/maps/map.json")
    expected = Substitute(WEIGHTS, "/maps/tuned/a.pth", "0a" * 32, 7, "fine-tuned")
    assert parsed == Substitutes((expected,))


def test_absolute_and_parent_paths() -> None:
    table = {"a:a": {**ENTRY, "file": "/elsewhere/a.pth"}, "b:b": {**ENTRY, "file": "../b.pth"}}
    parsed = parse_substitutes(json.dumps(table), "/maps/map.json")
    assert [entry.path for entry in parsed.entries] == ["/elsewhere/a.pth", "/b.pth"]


def test_find_by_address() -> None:
    table = {"b:b": {**ENTRY, "size": 2}, "a:a": {**ENTRY, "size": 1}}
    parsed = parse_substitutes(json.dumps(table), "map.json")
    found = parsed.find("b:b")
    assert found is not None and found.size == 2
    assert parsed.find("c:c") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "not valid JSON"),
        ("[]", "expected a JSON object of weights addresses, got list"),
        ('{"a:a": 1}', "a:a: expected an object, got int"),
    ],
)
def test_wrong_structure(text: str, expected: str) -> None:
    with pytest.raises(PteBuildError, match=expected) as caught:
        parse_substitutes(text, "/maps/map.json")
    assert "[weights].substitutes: /maps/map.json" in str(caught.value)


@pytest.mark.parametrize("key", sorted(ENTRY))
def test_missing_key(key: str) -> None:
    entry = {name: value for name, value in ENTRY.items() if name != key}
    with pytest.raises(PteBuildError, match=f"a:a: `{key}` is required"):
        parse_substitutes(json.dumps({"a:a": entry}), "map.json")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("file", 1, "`file` is required and must be of type str"),
        ("sha256", None, "`sha256` is required and must be of type str"),
        ("sha256", "0A" * 32, "64 lower-case hexadecimal digits"),
        ("sha256", "0a" * 31, "64 lower-case hexadecimal digits"),
        ("sha256", "0a" * 33, "64 lower-case hexadecimal digits"),
        ("sha256", "0g" * 32, "64 lower-case hexadecimal digits"),
        ("size", "7", "`size` is required and must be of type int"),
        ("size", 7.0, "`size` is required and must be of type int"),
        ("size", True, "`size` is required and must be of type int"),
        ("description", [], "`description` is required and must be of type str"),
        ("url", "https://example.org", r"unknown keys \['url'\]; known are"),
    ],
)
def test_wrong_value(key: str, value: object, expected: str) -> None:
    with pytest.raises(PteBuildError, match=f"map.json: a:a: .*{expected}"):
        parse_substitutes(json.dumps({"a:a": {**ENTRY, key: value}}), "map.json")


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    queries = (QueryRule(Substitutes, ()), QueryRule(SubstitutesFile, ()))
    return make_runner(queries=queries)


def test_without_a_file_there_are_no_substitutes(runner: RuleRunner) -> None:
    set_options(runner)
    assert runner.request(Substitutes, []) == Substitutes()


def test_path_is_relative_to_the_build_root(runner: RuleRunner) -> None:
    runner.write_files({"maps/map.json": json.dumps({WEIGHTS: ENTRY})})
    set_options(runner, "--weights-substitutes=maps/map.json")
    (entry,) = runner.request(Substitutes, []).entries
    assert entry.path == str(Path(runner.build_root, "maps/tuned/a.pth"))


def test_an_unknown_address_lists_the_known_ones(runner: RuleRunner, tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    path.write_text(json.dumps({WEIGHTS: ENTRY, "models/alpha:alpha_fast": ENTRY}))
    set_options(runner, f"--weights-substitutes={path}")
    message = refusal(runner, Substitutes)
    assert str(path) in message
    assert "no `model_weights` target has the address models/alpha:alpha_fast." in message
    assert "There are: models/alpha:alpha_weights, models/beta:beta_weights." in message


def test_a_file_that_cannot_be_read(runner: RuleRunner, tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    set_options(runner, f"--weights-substitutes={path}")
    assert f"{path} cannot be read" in refusal(runner, Substitutes)
    path.write_bytes(b"\xff\xfe")
    set_options(runner, f"--weights-substitutes={path}")
    assert f"{path} cannot be read" in refusal(runner, Substitutes)


def test_each_session_reads_the_file_anew(runner: RuleRunner, tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    for size in (1, 2):
        path.write_text(json.dumps({WEIGHTS: {**ENTRY, "size": size}}))
        set_options(runner, f"--weights-substitutes={path}")
        assert runner.request(Substitutes, []).entries[0].size == size
