from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest

from bench.benchmarks.programs import Program, chosen_programs
from bench.benchmarks.stand_in_repository import stand_in_setting
from workspace.errors import ToolError

LAUNCHER = """\
case "$*" in *"--filter-target-type=pte_program list models::") ;; *) exit 9 ;; esac
echo "01:02:03.04 [INFO] Initializing scheduler..."
echo models/b:net_xnnpack
echo models/b:net_int8_xnnpack
echo models/a:net_coreml
"""


def chosen(
    folder: Path, named: tuple[str, ...], backends: Collection[str], default: bool = False
) -> list[str]:
    setting = replace(stand_in_setting(folder, LAUNCHER, {}), programs=named)
    with setting.clone("clone") as clone:
        found = chosen_programs(setting, clone, backends, default)
    return [program.address for program in found]


def test_programs_of_a_backend_are_found(tmp_path: Path) -> None:
    assert chosen(tmp_path, (), ("xnnpack",)) == [
        "models/b:net_int8_xnnpack",
        "models/b:net_xnnpack",
    ]


def test_other_precisions_can_be_left_out(tmp_path: Path) -> None:
    found = chosen(tmp_path, (), ("xnnpack", "coreml"), default=True)
    assert found == ["models/a:net_coreml", "models/b:net_xnnpack"]


def test_named_programs_are_taken_alone(tmp_path: Path) -> None:
    named = ("models/b:net_int8_xnnpack",)
    assert chosen(tmp_path, named, ("xnnpack",)) == list(named)


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
def test_a_report_that_cannot_be_read_is_told_by_address(tmp_path: Path, text: str | None) -> None:
    with stand_in_setting(tmp_path, "", {}).clone("clone") as clone:
        program = Program("models/b:net_xnnpack")
        if text is not None:
            file = program.file(clone, ".json")
            file.parent.mkdir(parents=True)
            file.write_text(text)
        with pytest.raises(ToolError, match="models/b:net_xnnpack: its report"):
            program.report(clone)
