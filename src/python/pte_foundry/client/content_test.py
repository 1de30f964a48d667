from __future__ import annotations

import pytest

from pte_foundry.client.content import hint


@pytest.mark.parametrize("page", [b"<html>", b"\n <!DOCTYPE html>", b'<?xml version="1.0"?>'])
def test_a_page_is_named(page: bytes) -> None:
    assert "web page" in hint(page)


def test_a_program_whose_first_byte_is_a_bracket_is_not_a_page() -> None:
    """A FlatBuffer begins with the offset of its root table, 60 here, then its identifier."""
    assert hint(b"<\x00\x00\x00ET12") == ""
