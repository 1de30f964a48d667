"""Grammars check the code for which there is no compiler, of pages and documents."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import tree_sitter_dart
import tree_sitter_swift
from tree_sitter import Language, Node, Parser

from pte_foundry.tree.pages.detection import Detection
from pte_foundry.tree.pages.languages import GRAMMAR, LANGUAGES
from pte_foundry.tree.pages.preparation import Preparation
from snippets.snippets import code_of, detections, document_blocks, preparations

GRAMMARS = {
    "Dart": Language(tree_sitter_dart.language()),
    "Swift": Language(tree_sitter_swift.language()),
}
BLOCKS = {"Dart": 1, "Swift": 2}
"""How many blocks the documents have."""
HANDS = Detection(classes=1, cells=300, points=21, numbers=2)
EVERY_LANGUAGE = pytest.mark.parametrize("language", sorted(GRAMMARS))


def errors(language: str, text: str) -> list[str]:
    """`line 3: …` for each place that the grammar does not know."""
    root = Parser(GRAMMARS[language]).parse(text.encode()).root_node
    return list(_errors(root)) if root.has_error else []


def _errors(node: Node) -> list[str]:
    if node.is_error or node.is_missing:
        what = f"no {node.type}" if node.is_missing else (node.text or b"").decode()
        return [f"line {node.start_point.row + 1}: {what}"]
    return [each for child in node.children for each in _errors(child)]


def texts(language: str) -> dict[str, str]:
    """All code of a language, by where it is."""
    shown: list[Preparation | Detection] = [*preparations(), *detections(), HANDS]
    shown.append(replace(preparations()[0], blue_first=True))
    pages = {str(each): code_of(each, language) for each in shown}
    return {**pages, **document_blocks(language.lower())}


def test_what_the_pages_say_of_languages_holds() -> None:
    assert sorted(each.name for each in LANGUAGES if each.checked == GRAMMAR) == sorted(GRAMMARS)


@EVERY_LANGUAGE
def test_the_grammar_knows_all_code(language: str) -> None:
    found = texts(language)
    assert len(found) >= 8 and len(document_blocks(language.lower())) == BLOCKS[language]
    assert {
        where: wrong for where, text in found.items() if (wrong := errors(language, text))
    } == {}


@EVERY_LANGUAGE
@pytest.mark.parametrize("shown", [preparations()[0], HANDS], ids=["preparation", "detection"])
def test_a_bracket_too_few_is_found(language: str, shown: Preparation | Detection) -> None:
    """Whichever bracket it is."""
    text = re.sub(r"//.*", "", code_of(shown, language))
    brackets = [match.start() for match in re.finditer(r"[()\[\]{}]", text)]
    assert len(brackets) > 50
    for at in brackets:
        assert errors(language, text[:at] + text[at + 1 :]), text[:at]


@pytest.mark.parametrize(
    ("language", "text", "where"),
    [
        ("Dart", "int f() {\n  final x = ;\n}\n", "line 2"),
        ("Dart", "int f() => 1\n", "line 1"),
        ("Swift", "func f() -> Int {\n  let x = )\n}\n", "line 2"),
        ("Swift", "fun f() {}\n", "line 1"),
    ],
)
def test_a_mistake_is_found_where_it_is(language: str, text: str, where: str) -> None:
    assert any(each.startswith(where) for each in errors(language, text))
