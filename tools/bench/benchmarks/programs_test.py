from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest

from bench.benchmarks.programs import BenchProgram, Precisions, chosen_programs
from bench.benchmarks.stand_in_repository import stand_in_setting
from workspace.errors import ToolError

LAUNCHER = """\
case "$*" in *"--filter-target-type=pte_program peek models::") ;; *) exit 9 ;; esac
echo "01:02:03.04 [INFO] Initializing scheduler..."
cat peeked.json
"""
PEEKED = """\
[
  {"address": "models/b:net_xnnpack", "unavailable": null},
  {"address": "models/b:net_int8_xnnpack", "unavailable": null},
  {"address": "models/a:net_coreml"},
  {"address": "models/a:net_int8_xnnpack", "unavailable": "it loses ] [\\n its accuracy"}
]
"""


def chosen(
    folder: Path,
    named: tuple[str, ...],
    backends: Collection[str] | None,
    precisions: Precisions = "all",
    peeked: str = PEEKED,
) -> list[str]:
    toolchains = 'pte_backend(name="xnnpack")\npte_backend(name="coreml", sdk="xcode")\n'
    files = {"peeked.json": peeked, "toolchains/BUILD": toolchains}
    setting = replace(stand_in_setting(folder, LAUNCHER, files), programs=named)
    with setting.clone("clone") as clone:
        found = chosen_programs(setting, clone, backends, precisions)
    return [program.address for program in found]


def test_programs_of_a_backend_are_found(tmp_path: Path) -> None:
    assert chosen(tmp_path, (), ("xnnpack",)) == [
        "models/b:net_int8_xnnpack",
        "models/b:net_xnnpack",
    ]


def test_programs_that_need_an_sdk_are_left_out(tmp_path: Path) -> None:
    assert chosen(tmp_path, (), None) == ["models/b:net_int8_xnnpack", "models/b:net_xnnpack"]


def test_precisions_can_be_left_out(tmp_path: Path) -> None:
    found = chosen(tmp_path, (), ("xnnpack", "coreml"), "default")
    assert found == ["models/a:net_coreml", "models/b:net_xnnpack"]


def test_only_int8(tmp_path: Path) -> None:
    assert chosen(tmp_path, (), ("xnnpack", "coreml"), "int8") == ["models/b:net_int8_xnnpack"]


def test_only_named_programs_are_taken(tmp_path: Path) -> None:
    # Even if they are unavailable: building them says why.
    named = ("models/a:net_int8_xnnpack",)
    assert chosen(tmp_path, named, ("xnnpack",)) == list(named)


def test_the_sibling_in_the_default_precision() -> None:
    program = BenchProgram("models/b:net_v3_int8_xnnpack")
    assert program.precision == "int8"
    assert program.in_default_precision == BenchProgram("models/b:net_v3_xnnpack")
    assert program.in_default_precision.precision is None
    assert BenchProgram("models/b:net_v3_xnnpack").in_default_precision.address.endswith(
        "_v3_xnnpack"
    )


@pytest.mark.parametrize("peeked", ["[\n{\n]\n", '[\n{"name": "a"}\n]\n', "[\n7\n]\n"])
def test_an_output_that_is_not_understood_is_an_error(tmp_path: Path, peeked: str) -> None:
    with pytest.raises(ToolError, match="should print targets as JSON"):
        chosen(tmp_path, (), ("xnnpack",), peeked=peeked)


@pytest.mark.parametrize(
    ("named", "backends", "message"),
    [
        (("models/b:gone_xnnpack",), ("xnnpack",), r"no program \['models/b:gone_xnnpack'\]"),
        (("models/a:net_coreml",), ("xnnpack",), "no program is left"),
        ((), ("vulkan",), "no program is left"),
    ],
)
def test_nothing_to_measure_is_an_error(
    tmp_path: Path, named: tuple[str, ...], backends: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ToolError, match=message):
        chosen(tmp_path, named, backends)


@pytest.mark.parametrize("text", [None, "{", "{}"])
def test_a_report_that_cannot_be_read_is_named_by_address(tmp_path: Path, text: str | None) -> None:
    with stand_in_setting(tmp_path, "", {}).clone("clone") as clone:
        program = BenchProgram("models/b:net_xnnpack")
        if text is not None:
            file = program.file(clone, ".json")
            file.parent.mkdir(parents=True)
            file.write_text(text)
        with pytest.raises(ToolError, match="models/b:net_xnnpack: its report"):
            program.report(clone)
