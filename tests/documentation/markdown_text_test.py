from __future__ import annotations

from documentation.markdown_text import (
    DocumentedCommand,
    anchors,
    blocks,
    commands,
    inline_code,
    links,
)

PAGE = """
# A page, with: a title

Say `./pants help x`, or [look](there.md#part) at `this`. Not ./pants outside of code.

    ./pants list ::                what there is
    dist/file
      the word ./pants in a line

1. In a list:

        ./pants test a::

```
./pants package b:c  # a remark
./pants package \\
  d:e
```

| kind | do |
|---|---|
| `one` | `./foundry x ADDRESS` |

![picture](p.svg)
"""


def test_commands_are_found_in_blocks_and_in_inline_code() -> None:
    assert commands(PAGE) == [
        DocumentedCommand("./pants help x", False),
        DocumentedCommand("./pants list ::", True),
        DocumentedCommand("./pants test a::", True),
        DocumentedCommand("./pants package b:c", True),
        DocumentedCommand("./pants package d:e", True),
        DocumentedCommand("./foundry x ADDRESS", False),
    ]


def test_a_continued_line_is_one_command() -> None:
    assert commands("```\n./pants package \\\na:b\n```\n") == [
        DocumentedCommand("./pants package a:b", True)
    ]


def test_links_pictures_headings_and_code() -> None:
    assert links(PAGE) == ["there.md#part", "p.svg"]
    assert anchors(PAGE) == {"a-page-with-a-title"}
    assert inline_code(PAGE)[:2] == ["./pants help x", "this"]
    assert len(blocks(PAGE)) == 3
