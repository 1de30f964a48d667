from __future__ import annotations

from pathlib import Path

import pytest

from pin_weights.command.build_edit import WeightsPin, pinned_text, present_pin
from pin_weights.command.build_file import BuildFile, find_build_file
from pin_weights.command.content import CheckpointContent
from workspace.errors import ToolError

CONTENT = CheckpointContent("ab" * 32, 1234)
HASH = f'sha256="{"ab" * 32}"'


def build_file(tmp_path: Path, text: str) -> BuildFile:
    (tmp_path / "BUILD").write_bytes(text.encode())
    return find_build_file(tmp_path, "a")


# Each of them: the text before, and after with SHA for the hash argument.
LAYOUTS = {
    "a line each": (
        'model_weights(\n    name="a",\n    urls=["u"],\n    license="x",\n)\n',
        'model_weights(\n    name="a",\n    urls=["u"],\n    SHA,\n    size=1234,\n    license="x",\n)\n',
    ),
    "urls over several lines, with comments": (
        'model_weights(\n    name="a",\n    urls=[\n        "u",  # one\n    ],  # of urls\n'
        '    # of license\n    license="x",\n)\n',
        'model_weights(\n    name="a",\n    urls=[\n        "u",  # one\n    ],  # of urls\n'
        '    SHA,\n    size=1234,\n    # of license\n    license="x",\n)\n',
    ),
    "one line": ('model_weights(name="a", urls=["u"])', 'model_weights(name="a", urls=["u"], SHA, size=1234)'),
    "one line, a comma behind": (
        'model_weights(name="a", urls=["u"],)  # c\n',
        'model_weights(name="a", urls=["u"], SHA, size=1234,)  # c\n',
    ),
    "one line, urls in the middle": (
        'model_weights(name="a", urls=["u"], license="x")\n',
        'model_weights(name="a", urls=["u"], SHA, size=1234, license="x")\n',
    ),
    "last argument without a comma": (
        'model_weights(\n  name="a",\n  urls=["u"]\n)\n',
        'model_weights(\n  name="a",\n  urls=["u"],\n  SHA,\n  size=1234\n)\n',
    ),
    "last argument without a comma, with a comment": (
        'model_weights(\n  name="a",\n  urls=["u"]  # c\n)\n',
        'model_weights(\n  name="a",\n  urls=["u"],  # c\n  SHA,\n  size=1234\n)\n',
    ),
    "hanging": (
        'model_weights(name="a",\n              urls=["u"])\n',
        'model_weights(name="a",\n              urls=["u"],\n              SHA,\n              size=1234)\n',
    ),
    "urls on the first of several lines": (
        'model_weights(name="a", urls=["u"],  # c\n    license="x")\n',
        'model_weights(name="a", urls=["u"], SHA, size=1234,  # c\n    license="x")\n',
    ),
    "parentheses, brackets in strings, letters of two bytes": (
        'x = "é"; model_weights(\n\tname="a",\n\tdescription="é)", urls=(["é],)("]),\n)\n',
        'x = "é"; model_weights(\n\tname="a",\n\tdescription="é)", urls=(["é],)("]), SHA, size=1234,\n)\n',
    ),
    "no urls": (
        'model_weights(\n    name="a",\n    file="f",\n    license="x",\n)\n',
        'model_weights(\n    name="a",\n    file="f",\n    SHA,\n    size=1234,\n    license="x",\n)\n',
    ),
    "neither urls nor file": (
        'model_weights(\n    name="a",\n)\n',
        'model_weights(\n    name="a",\n    SHA,\n    size=1234,\n)\n',
    ),
    "two lines' ends": (
        'model_weights(\r\n    name="a",\r\n    urls=["u"],\r\n)\r\n',
        'model_weights(\r\n    name="a",\r\n    urls=["u"],\r\n    SHA,\r\n    size=1234,\r\n)\r\n',
    ),
    "other targets": (
        'model_weights(name="b", urls=[])\n\nmodel_weights(name="a", urls=[])\n\nmodel_weights(name="c")\n',
        'model_weights(name="b", urls=[])\n\nmodel_weights(name="a", urls=[], SHA, size=1234)\n\n'
        'model_weights(name="c")\n',
    ),
    "pinned before": (
        'model_weights(\n    name="a",\n    size=1,  # c\n    sha256="00",\n    license="x",\n)\n',
        'model_weights(\n    name="a",\n    size=1234,  # c\n    SHA,\n    license="x",\n)\n',
    ),
    "None": (
        'model_weights(name="a", sha256=None, size=None)\n',
        'model_weights(name="a", SHA, size=1234)\n',
    ),
    "a hash without a size": (
        'model_weights(\n    name="a",\n    sha256=(\n        "00"\n        "11"\n    ),\n    license="x",\n)\n',
        'model_weights(\n    name="a",\n    sha256=(\n        "HEX"\n    ),\n    size=1234,\n    license="x",\n)\n',
    ),
    "a size without a hash": (
        'model_weights(name="a", size=1, urls=["u"], license="x")\n',
        'model_weights(name="a", size=1234, urls=["u"], SHA, license="x")\n',
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_pin_is_put_into_the_layout_that_is_there(tmp_path: Path, layout: str) -> None:
    before, after = LAYOUTS[layout]
    edited = pinned_text(build_file(tmp_path, before), CONTENT)
    assert edited == after.replace("SHA", HASH).replace("HEX", "ab" * 32)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_second_pin_changes_nothing(tmp_path: Path, layout: str) -> None:
    edited = pinned_text(build_file(tmp_path, LAYOUTS[layout][0]), CONTENT)
    again = build_file(tmp_path, edited)
    assert present_pin(again) == WeightsPin(CONTENT.sha256, CONTENT.size)
    assert pinned_text(again, CONTENT) == edited


@pytest.mark.parametrize(
    ("arguments", "pin", "contradicts"),
    [
        ("", WeightsPin(None, None), False),
        (f", {HASH}", WeightsPin("ab" * 32, None), False),
        (f", {HASH}, size=1234", WeightsPin("ab" * 32, 1234), False),
        (f", {HASH}, size=1235", WeightsPin("ab" * 32, 1235), True),
        (', sha256="00", size=1234', WeightsPin("00", 1234), True),
    ],
)
def test_what_is_pinned_now(
    tmp_path: Path, arguments: str, pin: WeightsPin, contradicts: bool
) -> None:
    present = present_pin(build_file(tmp_path, f'model_weights(name="a"{arguments})\n'))
    assert present == pin
    assert present.contradicts(CONTENT) is contradicts


@pytest.mark.parametrize("argument", ["sha256=HASH", "size=1 + 1", 'sha256=f"{x}"', "**common"])
def test_what_is_no_literal_is_refused(tmp_path: Path, argument: str) -> None:
    build = build_file(tmp_path, f'model_weights(\n    name="a",\n    {argument},\n)\n')
    with pytest.raises(ToolError, match="BUILD:3: .* is not written as a literal"):
        present_pin(build)
