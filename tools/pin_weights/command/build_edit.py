"""Write a pin into the text of a BUILD file, and change nothing else in it."""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass

from pin_weights.command.build_file import BuildFile, parse, target_call
from pin_weights.command.content import CheckpointContent
from workspace.errors import ToolError

_LAYOUT = (tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT)
_PIN = ("sha256", "size")


@dataclass(frozen=True)
class WeightsPin:
    """What the target says of its content now; None for what it does not say."""

    sha256: str | None
    size: int | None

    def contradicts(self, content: CheckpointContent) -> bool:
        return self.sha256 not in (None, content.sha256) or self.size not in (None, content.size)


@dataclass(frozen=True)
class _Edit:
    """Put `text` in the place of the characters from `start` to `end`."""

    start: int
    end: int
    text: str


def present_pin(build: BuildFile) -> WeightsPin:
    """Raises ToolError if the pin, or a part of the call that may hold it, is not a literal."""
    call = target_call(parse(build.path, build.text), build.statement)
    values: dict[str, object] = {}
    for keyword in call.keywords:
        if keyword.arg is None or (
            keyword.arg in _PIN and not isinstance(keyword.value, ast.Constant)
        ):
            raise ToolError(
                f"{build.path}:{keyword.value.lineno}: {keyword.arg or '**'} is not written as a "
                "literal, so it cannot be edited; write sha256 and size out in this target"
            )
        if isinstance(keyword.value, ast.Constant):
            values[keyword.arg] = keyword.value.value
    sha256, size = values.get("sha256"), values.get("size")
    return WeightsPin(
        sha256 if isinstance(sha256, str) else None, size if isinstance(size, int) else None
    )


def pinned_text(build: BuildFile, content: CheckpointContent) -> str:
    """The file's text with `content` as the target's pin. Values that are there are replaced."""
    text = build.text
    keywords = {
        keyword.arg: keyword
        for keyword in target_call(parse(build.path, text), build.statement).keywords
    }
    values = {"sha256": f'"{content.sha256}"', "size": str(content.size)}
    edits = [
        _Edit(
            _offset(text, keywords[name].value.lineno, keywords[name].value.col_offset),
            _end_offset(text, keywords[name].value),
            value,
        )
        for name, value in values.items()
        if name in keywords
    ]
    if missing := [f"{name}={value}" for name, value in values.items() if name not in keywords]:
        named = [name for name in ("sha256", "urls", "file") if name in keywords]
        anchor = keywords[named[0]] if named else list(keywords.values())[-1]
        edits += _insertions(text, anchor, missing)
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    _check(build, text, content)
    return text


def _insertions(text: str, anchor: ast.keyword, arguments: list[str]) -> list[_Edit]:
    """Put arguments behind `anchor`: on lines of their own if it is on one, else beside it."""
    start = _offset(text, anchor.lineno, anchor.col_offset)
    tokens = _tokens(text, start)
    last, terminator = _argument_end(tokens)
    before = text[text.rfind("\n", 0, start) + 1 : start]
    own_line = not before.strip()
    eol = "\r\n" if "\r\n" in text else "\n"
    # A comment behind the anchor belongs to it.
    rest_of_line = [
        token
        for token in tokens
        if token.start >= last.end and token.line_number == last.line_number and token.is_comment
    ]
    if terminator.text == ",":
        following = next(token for token in tokens if token.start >= terminator.end)
        if own_line and (following.is_line_end or following.is_comment):
            position = rest_of_line[0].end if rest_of_line else terminator.end
            lines = "".join(f"{eol}{before}{argument}," for argument in arguments)
            return [_Edit(position, position, lines)]
        beside = "".join(f" {argument}," for argument in arguments)
        return [_Edit(terminator.end, terminator.end, beside)]
    if not own_line:
        beside = "".join(f", {argument}" for argument in arguments)
        return [_Edit(last.end, last.end, beside)]
    lines = ",".join(f"{eol}{before}{argument}" for argument in arguments)
    if rest_of_line:
        position = rest_of_line[0].end
        return [_Edit(last.end, last.end, ","), _Edit(position, position, lines)]
    return [_Edit(last.end, last.end, f",{lines}")]


@dataclass(frozen=True)
class _Token:
    """start, end: offsets in the text."""

    start: int
    end: int
    text: str
    line_number: int
    is_comment: bool
    is_line_end: bool
    is_layout: bool


def _tokens(text: str, start: int) -> list[_Token]:
    """The tokens from the offset `start` on."""
    tokens = []
    lines = _line_starts(text)
    for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
        token_start = lines[token.start[0] - 1] + token.start[1]
        if token_start >= start and token.type != tokenize.ENDMARKER:
            tokens.append(
                _Token(
                    start=token_start,
                    end=lines[token.end[0] - 1] + token.end[1],
                    text=token.string,
                    line_number=token.end[0],
                    is_comment=token.type == tokenize.COMMENT,
                    is_line_end=token.type in (tokenize.NL, tokenize.NEWLINE),
                    is_layout=token.type in _LAYOUT,
                )
            )
    return tokens


def _argument_end(tokens: list[_Token]) -> tuple[_Token, _Token]:
    """The last token of the argument that begins with the first one; and the `,` or `)` behind it."""
    depth = 0
    last = tokens[0]
    for token in tokens:
        if token.is_layout:
            continue
        if depth == 0 and token.text in (",", ")"):
            return last, token
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        last = token
    raise AssertionError("a call that was parsed has its closing parenthesis")


def _check(build: BuildFile, text: str, content: CheckpointContent) -> None:
    """Raises ToolError unless the pin is the only difference: no edit by position may go astray."""
    same = _without_pin(build, build.text) == _without_pin(build, text)
    edited = BuildFile(build.path, text, build.statement)
    if not same or present_pin(edited) != WeightsPin(content.sha256, content.size):
        raise ToolError(
            f"{build.path}: the entry is laid out in a way that cannot be edited safely; write "
            f'sha256="{content.sha256}" and size={content.size} by hand'
        )


def _without_pin(build: BuildFile, text: str) -> str:
    tree = parse(build.path, text)
    call = target_call(tree, build.statement)
    call.keywords = [keyword for keyword in call.keywords if keyword.arg not in _PIN]
    return ast.dump(tree)


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in io.StringIO(text, newline=""):
        starts.append(starts[-1] + len(line))
    return starts


def _offset(text: str, line: int, column: int) -> int:
    """`line` counts from one and `column` in bytes of UTF-8, as in `ast`."""
    start = _line_starts(text)[line - 1]
    return start + len(text[start:].encode()[:column].decode())


def _end_offset(text: str, node: ast.expr) -> int:
    assert node.end_lineno is not None and node.end_col_offset is not None
    return _offset(text, node.end_lineno, node.end_col_offset)
