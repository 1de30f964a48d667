"""The code for apps that pages and documents show."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json
from pte_foundry.tree.pages.contract import ContractTensor, read_contract
from pte_foundry.tree.pages.detection import Detection, detection_code
from pte_foundry.tree.pages.languages import Code
from pte_foundry.tree.pages.pages import environment
from pte_foundry.tree.pages.preparation import Preparation, preparation_code

INDEXES = (Path("index.json"), Path("index_1_4.json"))
DOCUMENTS = Path("docs")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@cache
def _tensors() -> tuple[ContractTensor, ...]:
    """Inputs and outputs of all programs of the committed indexes."""
    contracts = [
        read_contract(entry)
        for path in INDEXES
        for entry in Fields(read_json(path), str(path)).objects("models")
    ]
    return tuple(tensor for each in contracts for tensor in (*each.inputs, *each.outputs))


def preparations() -> list[Preparation]:
    """All that the committed indexes have, each once."""
    found = [each.preparation for each in _tensors() if each.preparation is not None]
    return list(dict.fromkeys(found))


def detections() -> list[Detection]:
    """All that the committed indexes have, each once."""
    found = [each.detection for each in _tensors() if each.detection is not None]
    return list(dict.fromkeys(found))


def code_of(shown: Preparation | Detection, language: str) -> str:
    """What a page shows for it."""
    codes: tuple[Code, ...] = (
        preparation_code(environment(), shown)
        if isinstance(shown, Preparation)
        else detection_code(environment(), shown)
    )
    return {each.language: each.text for each in codes}[language]


def document_blocks(mark: str) -> dict[str, str]:
    """The fenced blocks of a language in the documents: `docs/consuming.md:168` -> text."""
    found = {}
    for path in sorted(DOCUMENTS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        for block in _BLOCK.finditer(text):
            if block[1] == mark:
                line = text.count("\n", 0, block.start()) + 1
                found[f"{path}:{line}"] = block[2]
    return found
