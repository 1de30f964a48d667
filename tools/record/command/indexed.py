"""The programs that indexes list, and which of them a result is about."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pte_foundry.errors import PteError
from pte_foundry.index.versions import check_schema_version
from pte_foundry.records.device_result import MeasuredProgram
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json
from pte_foundry.records.outside_text import plain
from pte_foundry.records.paths import check_path
from pte_foundry.tree.device_results import FOLDER
from workspace.errors import ToolError

MODELS = "models"


@dataclass(frozen=True)
class Indexed:
    """A program of an index.

    Attributes:
        name: of its file.
        index: the path of the index.
        results: where results of it are recorded, relative to the repository's root.
    """

    name: str
    address: str
    sha256: str
    index: Path
    results: PurePosixPath


def read_indexes(indexes: Sequence[Path]) -> tuple[Indexed, ...]:
    """All programs of these indexes.

    Raises:
        ToolError: for a file that is no index that this version reads.
    """
    try:
        return tuple(program for path in indexes for program in _read_index(path))
    except PteError as error:
        raise ToolError(
            plain(f"{error.message}. Name an `index.json` with --index, or none")
        ) from None


def _read_index(path: Path) -> list[Indexed]:
    index = Fields(read_json(path), str(path))
    check_schema_version(index)
    return [_indexed(path, entry) for entry in index.objects("models")]


def _indexed(path: Path, entry: Fields) -> Indexed:
    name, address = check_path(entry.text("name"), entry.where), entry.text("address")
    folder = PurePosixPath(check_path(address.partition(":")[0], entry.where))
    # Files are written there, and the index may be of a tree from elsewhere.
    if folder.parts[0] != MODELS:
        raise entry.error("address", f"is {address!r}, which is not below {MODELS}/")
    if "/" in name or not name.endswith(".pte"):
        raise entry.error("name", f"is {name!r}, not the name of a `.pte`")
    results = folder / FOLDER / f"{name.removesuffix('.pte')}.json"
    return Indexed(name, address, entry.sha256("hash"), path, results)


def named(programs: Sequence[Indexed], name: str) -> list[Indexed]:
    """Those whose files are called so: one for each ExecuTorch version that has it."""
    return [program for program in programs if program.name == name]


def find(programs: Sequence[Indexed], wanted: MeasuredProgram, where: str) -> Indexed:
    """The program that was measured.

    Args:
        where: the result's file, for messages.

    Raises:
        ToolError: if no index has this name with this hash; it says which program comes nearest.
    """
    same_name = named(programs, wanted.name)
    for program in same_name:
        if program.sha256 == wanted.sha256:
            return program
    if same_name:
        now = " and ".join(f"{each.sha256} in {each.index}" for each in same_name)
        raise ToolError(
            f"{where}: {wanted.name} with sha256 {wanted.sha256} is of an earlier build, or of other weights: now it "
            f"is {now}. Build {same_name[0].address} as that index was built, which for the committed ones is with "
            "--weights-source=seeded, and measure again; or name the index of the tree that has your program with "
            "--index"
        )
    for program in programs:
        if program.sha256 == wanted.sha256:
            raise ToolError(
                f"{where}: {program.index} has this sha256 under another name. Set `program.name` to {program.name}"
            )
    near = difflib.get_close_matches(wanted.name, {each.name for each in programs}, n=1)
    raise ToolError(
        f"{where}: no index has {wanted.name}. "
        + (f"Is it {near[0]}? " if near else "")
        + "Results are of programs in an index: give the name and the sha256 that it has"
    )
