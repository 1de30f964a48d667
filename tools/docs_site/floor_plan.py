"""The floor plans of the library and of the Pants plugin: which package may import which; the library's picture.

`./pants run docs:floor_plan` rewrites docs/architecture.svg.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

LIBRARY = "pte_foundry"
SOURCES = Path("src/python") / LIBRARY
PICTURE = Path("docs/architecture.svg")

# From the bottom up. A room imports only from lower floors, never from its own. `testing` is the attic: only for tests.
FLOORS: tuple[Mapping[str, str], ...] = (
    {"errors": "one error class", "stages": "progress of a process"},
    {"records": "what crosses a process, as JSON"},
    {
        "aliasing": "which memory the calls of a graph write to and share",
        "causes": "why a model cannot be exported",
        "confinement": "what a process gives up",
        "fetching": "checkpoints from the network",
        "speedups": "faster torch and ExecuTorch",
    },
    {
        "models": "families, own models, checkpoints",
        "backends": "one folder per backend",
        "photographs": "pictures from packages",
        "samples": "a model's own inputs",
        "heavy_imports": "importing torch faster",
    },
    {
        "rewrites": "exact changes of a model",
        "quantization": "recipes of int8 programs",
        "inspection": "what is in a .pte",
    },
    {"exporting": "from a request to a .pte"},
    {"validation": "the gate", "index": "index.json"},
    {"client": "reading a published tree", "bundling": "programs with their test"},
    {"tree": "what is published"},
    {"publishing": "releases of a tree", "evaluation": "how often programs are right"},
)
ATTIC = "testing"

PLUGIN = "pte_build"
PLUGIN_SOURCES = Path("tools/pants-plugins") / PLUGIN
# Likewise. Of the library, it imports only `records` and `errors`.
PLUGIN_FLOORS: tuple[Mapping[str, str], ...] = (
    {
        "errors": "what a user can fix",
        "choices": "who chooses weights and SDKs",
        "command_line": "what the command line names",
    },
    {
        "sdk": "SDKs of vendors",
        "cache_entry": "what a cache returned",
        "process_failure": "why a process failed",
        "sources": "the library's files",
        "installed_once": "environments of tools",
        "tiers": "which tests run",
    },
    {"targets": "target types and their fields", "progress": "what a session logs"},
    {"addresses": "looks targets up", "toolchain": "what processes run in"},
    {
        "weights": "checkpoints",
        "quantization": "what int8 programs declare",
        "remote_runs": "runs on workers",
    },
    {"result_cache": "runs in toolchains"},
    {"library": "runs of the library"},
    {"pictures": "photographs, calibration"},
    {"program": "from a target to .pte and report"},
    {"validation": "pte_test"},
    {"aggregate": "index and tree"},
    {"inference": "dependencies of targets", "publishing": "publish goal"},
    {"register": "entry point"},
)
# Workspaces and rule runners of tests and benchmarks.
PLUGIN_ATTIC = ("stand_in_library", "stand_in_repository", "stand_in_workspace", "test_support")
PLUGIN_BORROWS = ("records", "errors")

_ROOM = (190, 46)  # Width and height of a room, in pixels.
_GAP = (30, 44)
_MARGIN = 20


def floors(plan: Sequence[Mapping[str, str]] = FLOORS) -> dict[str, int]:
    """The floor of each room, 0 for the lowest."""
    return {room: level for level, rooms in enumerate(plan) for room in rooms}


def imports(sources: Path, library: str = LIBRARY) -> dict[tuple[str, str], set[str]]:
    """(room, imported room of `library`) to the files with such an import; tests do not count."""
    found: dict[tuple[str, str], set[str]] = {}
    for file in sorted(sources.rglob("*.py")):
        if file.name.endswith("_test.py") or file.name in ("conftest.py", "__init__.py"):
            continue
        path = file.relative_to(sources)
        room = path.parts[0].removesuffix(".py")
        for imported in _imported_rooms(ast.parse(file.read_text(encoding="utf-8")), library):
            if imported != room:
                found.setdefault((room, imported), set()).add(path.as_posix())
    return found


def _imported_rooms(module: ast.Module, wanted: str) -> Iterator[str]:
    for node in ast.walk(module):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            # `from pte_foundry import errors` names the room last.
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            library, _, rest = name.partition(".")
            if library == wanted and rest:
                yield rest.partition(".")[0]


def violations(
    found: Mapping[tuple[str, str], set[str]],
    plan: Sequence[Mapping[str, str]] = FLOORS,
    attic: Sequence[str] = (ATTIC,),
) -> list[str]:
    """For each import that does not go down, a line with what is wrong and where."""
    levels = floors(plan)
    lines = []
    for (room, imported), files in sorted(found.items()):
        where = ", ".join(sorted(files))
        if room in attic:
            continue
        if imported in attic:
            lines.append(f"{room} imports {imported}, which is only for tests: {where}")
        elif room not in levels or imported not in levels:
            missing = room if room not in levels else imported
            lines.append(f"{missing} has no floor in tools/docs_site/floor_plan.py: {where}")
        elif levels[imported] >= levels[room]:
            lines.append(
                f"{room} (floor {levels[room]}) imports {imported} (floor {levels[imported]}): {where}"
            )
    return lines


def picture(found: Mapping[tuple[str, str], set[str]]) -> str:
    """An SVG: a row for each floor, the lowest at the bottom, and lines for imports between rooms."""
    width = max(len(rooms) for rooms in FLOORS) * (_ROOM[0] + _GAP[0]) - _GAP[0] + 2 * _MARGIN
    height = len(FLOORS) * (_ROOM[1] + _GAP[1]) - _GAP[1] + 2 * _MARGIN
    places = _places(width)
    lines = [_line(places[room], places[imported]) for room, imported in _essential(found)]
    purposes = {room: purpose for rooms in FLOORS for room, purpose in rooms.items()}
    rooms = [_box(places[room], room, purpose) for room, purpose in purposes.items()]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
            ' aria-labelledby="title description"'
            ' font-family="system-ui, \'DejaVu Sans\', sans-serif" font-size="14">',
            '  <title id="title">The floor plan of the library</title>',
            f'  <desc id="description">{escape(_description())}</desc>',
            "  <style>",
            "    .page { fill: #fff; } .room { fill: #eef2ff; stroke: #3949ab; } .name { fill: #1a1a1a; }",
            "    .purpose { fill: #444; font-size: 11px; } .import { stroke: #9aa0b5; fill: none; }",
            "    @media (prefers-color-scheme: dark) {",
            "      .page { fill: #1e2129; } .room { fill: #262b45; stroke: #8c9eff; } .name { fill: #f2f2f2; }",
            "      .purpose { fill: #ccc; } .import { stroke: #6b7188; }",
            "    }",
            "  </style>",
            f'  <rect class="page" width="{width}" height="{height}"/>',
            *lines,
            *rooms,
            "</svg>",
            "",
        ]
    )


def _essential(found: Mapping[tuple[str, str], set[str]]) -> list[tuple[str, str]]:
    """The imports that do not follow from others: a room reaches what its rooms import through them."""
    rooms = floors()
    direct = {room: {to for start, to in found if start == room and to in rooms} for room in rooms}

    def reached(room: str) -> set[str]:
        return direct[room].union(*(reached(to) for to in direct[room]))

    return [
        (room, to)
        for room in sorted(rooms)
        for to in sorted(direct[room])
        if not any(to in reached(other) for other in direct[room] - {to})
    ]


def _description() -> str:
    rows = "; ".join(", ".join(rooms) for rooms in FLOORS)
    return f"Packages by floor, from the bottom up: {rows}. Each imports only from lower floors."


def _places(width: int) -> dict[str, tuple[int, int]]:
    """The upper left corner of each room; a floor is centred."""
    places = {}
    for level, rooms in enumerate(reversed(FLOORS)):
        taken = len(rooms) * (_ROOM[0] + _GAP[0]) - _GAP[0]
        left = (width - taken) // 2
        for column, room in enumerate(rooms):
            x = left + column * (_ROOM[0] + _GAP[0])
            places[room] = (x, _MARGIN + level * (_ROOM[1] + _GAP[1]))
    return places


def _line(above: tuple[int, int], below: tuple[int, int]) -> str:
    x1, y1 = above[0] + _ROOM[0] // 2, above[1] + _ROOM[1]
    x2, y2 = below[0] + _ROOM[0] // 2, below[1]
    bend = (y2 - y1) // 2
    return (
        f'  <path class="import" d="M {x1} {y1} C {x1} {y1 + bend}, {x2} {y2 - bend}, {x2} {y2}"/>'
    )


def _box(place: tuple[int, int], room: str, purpose: str) -> str:
    (x, y), middle = place, place[0] + _ROOM[0] // 2
    return (
        f'  <rect class="room" x="{x}" y="{y}" width="{_ROOM[0]}" height="{_ROOM[1]}" rx="5"/>\n'
        f'  <text class="name" x="{middle}" y="{y + 20}" text-anchor="middle">{escape(room)}</text>\n'
        f'  <text class="purpose" x="{middle}" y="{y + 36}" text-anchor="middle">{escape(purpose)}</text>'
    )


def main(arguments: Sequence[str]) -> int:
    if arguments:
        print("usage: ./pants run docs:floor_plan    writes docs/architecture.svg")
        return 0 if arguments in (["--help"], ["-h"]) else 2
    if not SOURCES.is_dir():
        print(
            f"floor_plan: there is no {SOURCES}/ here; run `./pants run docs:floor_plan`",
            file=sys.stderr,
        )
        return 1
    found = imports(SOURCES)
    wrong = violations(found)
    for line in wrong:
        print(f"floor_plan: {line}", file=sys.stderr)
    if wrong:
        return 1
    PICTURE.write_text(picture(found), encoding="utf-8")
    print(f"written: {PICTURE}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
