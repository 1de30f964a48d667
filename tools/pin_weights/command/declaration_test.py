from __future__ import annotations

import json
from pathlib import Path

import pytest

from pin_weights.command.declaration import (
    WeightsDeclaration,
    check_address,
    parse_peek,
    read_declaration,
)
from workspace.errors import ToolError


def peek(*addresses: str, kind: str = "model_weights") -> list[dict[str, object]]:
    return [
        {
            "address": address,
            "target_type": kind,
            "file": "a.pt",
            "urls": ["https://example.org/a.pt"],
            "sha256": None,
            "source_page": None,
        }
        for address in addresses
    ]


@pytest.mark.parametrize(
    ("address", "folder", "name"),
    [
        ("models/yolo:a_weights", "models/yolo", "a_weights"),
        ("models/yolo", "models/yolo", "yolo"),
        ("//:a_weights", ".", "a_weights"),
    ],
)
def test_where_a_target_is(address: str, folder: str, name: str) -> None:
    declaration = parse_peek(peek(address), address)
    assert declaration == WeightsDeclaration(
        address, Path(folder), name, "a.pt", ("https://example.org/a.pt",), None
    )


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (peek("a:a", kind="pte_program"), r"found a:a \(pte_program\)"),
        (peek("a:a", "a:b"), r"found a:a \(model_weights\), a:b"),
        ([], "found none"),
    ],
)
def test_another_kind_of_target_is_refused(output: list[dict[str, object]], message: str) -> None:
    with pytest.raises(ToolError, match=message):
        parse_peek(output, "a:a")


@pytest.mark.parametrize("address", ["models/yolo:a", "//:a", "models/yolo", "//models/yolo:a-b"])
def test_addresses(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(
    "address",
    ["", "::", "models::", "models:", "-ldebug", "--version", "a b", "a*:b", "!a:b", "@f"],
)
def test_what_is_no_address_of_one_target(address: str) -> None:
    with pytest.raises(ToolError, match="is not the address of one target"):
        check_address(address)


def test_pants_is_asked(tmp_path: Path) -> None:
    (tmp_path / "peeked").write_text(json.dumps(peek("a:a")))
    (tmp_path / "pants").write_text('#!/bin/sh\n[ "$4" = "a:a" ] && cat peeked\n')
    (tmp_path / "pants").chmod(0o755)
    assert read_declaration(tmp_path, "a:a", {"PATH": "/usr/bin:/bin"}).address == "a:a"
