from __future__ import annotations

import pytest

from locks.command.plan import Lock, PackagePin, Plan
from locks.command.trim import Entry, parse_entries, render_lock, trim
from workspace.errors import ToolError

A, B = "a" * 64, "b" * 64
LOCK = Lock("name", "about it", ("3.11",), (), ())
PLAN = Plan(("linux-x86_64", "macos-arm64"), {}, {}, (LOCK,))
ENVIRONMENTS = PLAN.environments(LOCK)


def test_entries_are_read_with_marker_and_hashes() -> None:
    text = (
        f"# comment\nRuamel.YAML==1.0 \\\n    --hash=sha256:{A} \\\n    --hash=sha256:{B}\n"
        f"six==2 ; sys_platform == 'win32' \\\n    --hash=sha256:{A}\n"
    )
    assert parse_entries(text) == [
        Entry("ruamel-yaml", "1.0", "", (A, B)),
        Entry("six", "2", "sys_platform == 'win32'", (A,)),
    ]


def test_a_line_of_another_form_is_refused() -> None:
    with pytest.raises(ToolError, match="not understood.*git"):
        parse_entries("six @ git+https://example.invalid/six\n")


@pytest.mark.parametrize(
    ("marker", "kept"),
    [
        ("", ""),
        ("sys_platform == 'never'", None),
        ("sys_platform == 'win32'", None),
        ("sys_platform == 'darwin'", "sys_platform == 'darwin'"),
        ("python_full_version >= '3.10'", ""),
        ("python_full_version >= '3.12'", None),
    ],
)
def test_a_marker_decides_over_our_environments(marker: str, kept: str | None) -> None:
    trimmed = trim([Entry("six", "1", marker, (A,))], ENVIRONMENTS, {})
    assert [entry.marker for entry in trimmed] == ([] if kept is None else [kept])


def test_dropped_patterns_are_left_out_and_the_rest_is_sorted() -> None:
    entries = [Entry(name, "1", "", (A,)) for name in ("torch", "nvidia-cublas", "numpy")]
    trimmed = trim(entries, ENVIRONMENTS, {}, ["nvidia-*"])
    assert [entry.name for entry in trimmed] == ["numpy", "torch"]


def test_a_pin_replaces_all_entries_of_its_package() -> None:
    entries = [
        Entry("torch", "2.0", "sys_platform == 'darwin'", (A,)),
        Entry("torch", "2.0+cpu", "sys_platform == 'linux'", (A,)),
    ]
    pin = PackagePin("2.0", (B, A))
    assert trim(entries, ENVIRONMENTS, {"torch": pin}) == [Entry("torch", "2.0", "", (A, B))]


def test_an_entry_without_hash_is_refused() -> None:
    with pytest.raises(ToolError, match="six==1: the index gives no hash"):
        trim([Entry("six", "1", "", ())], ENVIRONMENTS, {})


def test_the_lockfile_can_be_read_again_and_names_no_address() -> None:
    text = render_lock(PLAN, LOCK, [Entry("six", "1", "", (A, B))])
    assert parse_entries(text) == [Entry("six", "1", "", (A, B))]
    assert "http" not in text
    assert "file:" not in text


def test_dependencies_of_one_wheel_are_for_its_platform_alone() -> None:
    entries = [
        Entry("nvidia-cublas", "1", "sys_platform == 'linux'", (A,)),
        Entry("numpy", "1", "", (A,)),
    ]
    pins = {"torch": PackagePin("2.0", (A,), {"macos-arm64": ("nvidia-*",)})}
    numpy, cublas = trim(entries, ENVIRONMENTS, pins)
    assert numpy.marker == ""
    assert cublas.marker == "platform_machine == 'arm64' and sys_platform == 'darwin'"


def test_a_platform_that_is_none_of_ours_has_no_such_dependencies() -> None:
    entries = [Entry("nvidia-cublas", "1", "sys_platform == 'linux'", (A,))]
    pins = {"torch": PackagePin("2.0", (A,), {"linux-arm64": ("nvidia-*",)})}
    assert trim(entries, ENVIRONMENTS, pins) == []
