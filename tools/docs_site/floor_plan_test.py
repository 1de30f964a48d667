"""The library keeps to its floor plan, and its picture is up to date."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from docs_site.floor_plan import (
    ATTIC,
    FLOORS,
    PICTURE,
    PLUGIN,
    PLUGIN_ATTIC,
    PLUGIN_BORROWS,
    PLUGIN_FLOORS,
    PLUGIN_SOURCES,
    SOURCES,
    floors,
    imports,
    picture,
    violations,
)


def write(sources: Path, **files: str) -> Path:
    for name, text in files.items():
        file = sources / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return sources


def test_every_import_goes_down() -> None:
    assert violations(imports(SOURCES)) == []


def test_every_package_has_a_floor() -> None:
    packages = {folder.name for folder in SOURCES.iterdir() if (folder / "BUILD").is_file()}
    assert packages - {ATTIC} <= set(floors())


@pytest.mark.parametrize(
    ("sources", "plan"),
    [(SOURCES, FLOORS), (PLUGIN_SOURCES, PLUGIN_FLOORS)],
    ids=["library", "plugin"],
)
def test_the_floors_name_what_there_is(sources: Path, plan: tuple[Mapping[str, str], ...]) -> None:
    for rooms in plan:
        for room in rooms:
            assert (sources / room).is_dir() or (sources / f"{room}.py").is_file(), room


def test_every_import_of_the_plugin_goes_down() -> None:
    assert violations(imports(PLUGIN_SOURCES, PLUGIN), PLUGIN_FLOORS, PLUGIN_ATTIC) == []


def test_every_module_of_the_plugin_has_a_floor() -> None:
    rooms = {file.relative_to(PLUGIN_SOURCES).parts[0] for file in PLUGIN_SOURCES.rglob("*.py")}
    named = {room.removesuffix(".py") for room in rooms if not room.endswith("_test.py")}
    assert named - {"__init__"} == {*floors(PLUGIN_FLOORS), *PLUGIN_ATTIC}


def test_the_plugin_imports_no_more_of_the_library_than_its_records() -> None:
    """Its daemon restarts when one of them changes, see pants.toml."""
    assert {imported for _, imported in imports(PLUGIN_SOURCES)} == {*PLUGIN_BORROWS}


def test_the_picture_is_up_to_date() -> None:
    assert PICTURE.read_text() == picture(imports(SOURCES)), "run ./pants run docs:floor_plan"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from pte_foundry.tree.sums import SUMS\n", "models (floor 3) imports tree (floor 8)"),
        ("import pte_foundry.backends.xnnpack.lowering\n", "models (floor 3) imports backends"),
        ("def f():\n    from pte_foundry.index import entry\n", "models (floor 3) imports index"),
        ("from pte_foundry.testing.tiny_pe import tiny\n", "models imports testing"),
        ("from pte_foundry.cellar import wine\n", "cellar has no floor"),
    ],
    ids=["up", "same floor", "inside a function", "testing", "unknown"],
)
def test_what_does_not_go_down_is_found(tmp_path: Path, text: str, expected: str) -> None:
    (line,) = violations(imports(write(tmp_path, models__pe=text)))
    assert expected in line
    assert line.endswith(": models/pe.py")


def test_what_goes_down_is_not_reported(tmp_path: Path) -> None:
    write(
        tmp_path,
        models__pe="from pte_foundry.errors import PteError\nfrom pte_foundry import records\n",
        models__pe_test="from pte_foundry.testing.tiny_pe import tiny\n",
        testing__tiny="from pte_foundry.client.store import Store\n",
    )
    assert violations(imports(tmp_path)) == []
    assert ("models", "records") in imports(tmp_path)
