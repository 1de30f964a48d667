"""Write a pin into a BUILD file, and change nothing else in it."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from pin_weights.command.build_file import BuildFile, arguments, literal
from pin_weights.command.content import CheckpointContent
from workspace.errors import ToolError

_PIN = ("sha256", "size")
_Whitespace = cst.BaseParenthesizableWhitespace


@dataclass(frozen=True)
class WeightsPin:
    """What the target says of its content now; None for what it does not say."""

    sha256: str | None
    size: int | None

    def contradicts(self, content: CheckpointContent) -> bool:
        return self.sha256 not in (None, content.sha256) or self.size not in (None, content.size)


def present_pin(build: BuildFile) -> WeightsPin:
    """Raises ToolError if the pin, or a part of the call that may hold it, is not a literal."""
    values: dict[str, str | int | None] = {}
    for argument in build.call.args:
        name = argument.keyword.value if argument.keyword else argument.star
        if name not in (*_PIN, "**"):
            continue
        try:
            values[name] = literal(argument)
        except ValueError:
            raise ToolError(
                f"{build.path}:{build.line(argument)}: {name} is not written as a literal, so it cannot be edited; "
                "write sha256 and size out in this target"
            ) from None
    sha256, size = values.get("sha256"), values.get("size")
    return WeightsPin(
        sha256 if isinstance(sha256, str) else None, size if isinstance(size, int) else None
    )


def pinned_text(build: BuildFile, content: CheckpointContent) -> str:
    """The file's text with `content` as the target's pin. Values that are there are replaced."""
    values = {"sha256": f'"{content.sha256}"', "size": str(content.size)}
    named = arguments(build.call)
    anchor = next(
        (named[name] for name in ("sha256", "urls", "file") if name in named), build.call.args[-1]
    )
    missing = [name for name in _PIN if name not in named]
    written: list[cst.Arg] = []
    before = build.call.whitespace_before_args
    for argument in build.call.args:
        name = argument.keyword.value if argument.keyword else ""
        edited = _with_value(argument, values[name]) if name in values else argument
        new = [_argument(name, values[name]) for name in missing] if argument is anchor else []
        written += _laid_out(edited, new, before)
        before = _behind(argument)
    pinned = build.call.with_changes(args=written)
    return build.module.deep_replace(build.call, pinned).code  # type: ignore[union-attr]


def _with_value(argument: cst.Arg, text: str) -> cst.Arg:
    """Parentheses around the old value stay."""
    value = cst.parse_expression(text)
    old = argument.value
    return argument.with_changes(value=value.with_changes(lpar=old.lpar, rpar=old.rpar))


def _argument(name: str, text: str) -> cst.Arg:
    plain = cst.SimpleWhitespace("")
    return cst.Arg(
        keyword=cst.Name(name),
        equal=cst.AssignEqual(whitespace_before=plain, whitespace_after=plain),
        value=cst.parse_expression(text),
    )


def _laid_out(anchor: cst.Arg, new: list[cst.Arg], before: _Whitespace) -> list[cst.Arg]:
    """New arguments behind `anchor`: on lines of their own if it is on one, else beside it.

    before: what stands in front of the anchor.
    """
    if not new:
        return [anchor]
    last = _behind(anchor)
    first: _Whitespace = cst.SimpleWhitespace(" ")
    between, end = first, last
    is_last_of_all = isinstance(anchor.comma, cst.MaybeSentinel)
    ends_line = isinstance(last, cst.ParenthesizedWhitespace)
    if isinstance(before, cst.ParenthesizedWhitespace) and (ends_line or is_last_of_all):
        line = before.with_changes(first_line=cst.TrailingWhitespace(), empty_lines=[])
        first = between = line
        if isinstance(last, cst.ParenthesizedWhitespace):
            # A comment behind the anchor belongs to it.
            first = line.with_changes(first_line=last.first_line)
            end = last.with_changes(first_line=cst.TrailingWhitespace())
    separated = [
        each.with_changes(comma=cst.Comma(whitespace_after=space), whitespace_after_arg=cst.SimpleWhitespace(""))
        for each, space in zip([anchor, *new[:-1]], [first, *[between] * len(new)])
    ]  # fmt: skip
    final = new[-1]
    if is_last_of_all:
        return [*separated, final.with_changes(whitespace_after_arg=end)]
    return [*separated, final.with_changes(comma=cst.Comma(whitespace_after=end))]


def _behind(argument: cst.Arg) -> _Whitespace:
    """What stands between the argument, or the comma behind it, and what follows."""
    if isinstance(argument.comma, cst.Comma):
        return argument.comma.whitespace_after
    return argument.whitespace_after_arg
