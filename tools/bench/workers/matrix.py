"""The programs of the matrix, as the indexes, BUILD files and lockfiles describe them: without Pants or a toolchain."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.workers.process_times import ProcessTimes
from bench.workers.schedule import Program, Toolchain
from bench.workers.wheels import PEX, WHEELS
from workspace.backends import backend_calls, calls, literal
from workspace.errors import ToolError

INDEXES = "index*.json"
_LOCKS = Path("3rdparty/python")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\+]+)", re.MULTILINE)


@dataclass(frozen=True)
class Matrix:
    """programs: in the order of their addresses. toolchains: by name.

    unpinned: checkpoints whose official size is not known; that of their parameters in fp32 stands for it.
    """

    programs: tuple[Program, ...]
    toolchains: Mapping[str, Toolchain]
    unpinned: tuple[str, ...]


def read_matrix(root: Path, times: ProcessTimes, chosen: tuple[str, ...] = ()) -> Matrix:
    """The committed indexes' programs with the times of their processes; only the `chosen` ones, if any are named.

    Sizes of programs are those of seeded builds, sizes of checkpoints those of the official files.

    Raises ToolError if `times` lacks a process, or if a size or a toolchain cannot be found.
    """
    entries = {entry["address"]: entry for entry in _entries(root)}
    if unknown := sorted(set(chosen) - set(entries)):
        raise ToolError(f"there is no program {unknown} in {INDEXES}; there are {sorted(entries)}")
    addresses = sorted(chosen or entries)
    _require_times(addresses, times)
    resolves = {
        literal(call["name"], file): literal(call["resolve"], file)
        for file, call in backend_calls(root)
    }
    folders = _Folders(root)
    programs, unpinned = [], set()
    for address in addresses:
        entry = entries[address]
        weights = entry["weights"]["address"]
        size = folders.checkpoint_size(weights)
        if size is None:
            unpinned.add(weights)
            size = entry["parameters"]["bytes"]
        family = folders.family(address)
        parts = [resolves[entry["backend"]], *([] if family is None else [family])]
        programs.append(
            Program(
                address=address,
                toolchain="+".join(parts),
                checkpoint={weights: size},
                size=entry["size"],
                export_seconds=times.exports[address],
                validation_seconds=times.validations[address],
            )
        )
    names = sorted({program.toolchain for program in programs})
    return Matrix(
        tuple(programs),
        {name: read_toolchain(root, name, times) for name in names},
        tuple(sorted(unpinned)),
    )


def read_toolchain(root: Path, name: str, times: ProcessTimes) -> Toolchain:
    """Raises ToolError if the run used one that was there before, or if the size of a wheel is not known."""
    if name not in times.built or name not in times.prepared:
        raise ToolError(
            f"the run did not build and prepare the toolchain {name}: it was in a cache, or the run did not need it. "
            "Run again with an empty XDG_CACHE_HOME"
        )
    files = {"PEX": PEX}
    for resolve in name.split("+"):
        lock = _LOCKS / f"{resolve}.lock"
        for package, version in _PIN.findall((root / lock).read_text("utf-8")):
            wheel = f"{re.sub(r'[-_.]+', '-', package).lower()}=={version}"
            if wheel not in WHEELS:
                raise ToolError(
                    f"{lock} pins {wheel}, whose size bench/workers/wheels.py lacks. Measure it as described there"
                )
            files[wheel] = WHEELS[wheel]
    return Toolchain(files, times.built[name], times.prepared[name])


def _entries(root: Path) -> Iterator[dict[str, Any]]:
    for index in sorted(root.glob(INDEXES)):
        yield from json.loads(index.read_text("utf-8"))["models"]


def _require_times(addresses: list[str], times: ProcessTimes) -> None:
    for what, of_kind in (("exported", times.exports), ("validated", times.validations)):
        missing = [address for address in addresses if address not in of_kind]
        if missing:
            raise ToolError(
                f"the run has not {what} {len(missing)} of {len(addresses)} programs, e.g. {missing[0]}. Time "
                "`./pants --weights-source=seeded package //:tree` from empty caches, or name programs: --program"
            )


class _Folders:
    """BUILD files, each read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._calls: dict[tuple[str, str], dict[str, dict[str, ast.expr]]] = {}

    def checkpoint_size(self, weights: str) -> int | None:
        """Bytes, of a `model_weights`; None if none are declared."""
        folder, _, name = weights.partition(":")
        size = self._field("model_weights", folder, name, "size")
        return None if size is None else int(size)

    def family(self, address: str) -> str | None:
        """The resolve of the builder of a `pte_model`; None if the backend's is enough.

        A program is called `<model>[_<precision>]_<backend>`.
        """
        folder, _, program = address.partition(":")
        models = [
            name for name in self._named("pte_model", folder) if program.startswith(f"{name}_")
        ]
        model = max(models, key=len, default=program)
        resolve = self._field("pte_model", folder, model, "builder_resolve")
        return None if resolve is None else str(resolve)

    def _field(self, alias: str, folder: str, name: str, field: str) -> Any:
        call = self._named(alias, folder).get(name)
        if call is None:
            raise ToolError(
                f"{folder}/BUILD has no {alias} for {name}, which the index names. Update the index: "
                "`./foundry update-index`"
            )
        return None if field not in call else literal(call[field], self._root / folder / "BUILD")

    def _named(self, alias: str, folder: str) -> dict[str, dict[str, ast.expr]]:
        if (alias, folder) not in self._calls:
            file = self._root / folder / "BUILD"
            self._calls[alias, folder] = {
                literal(call["name"], file): call for call in calls(alias, file)
            }
        return self._calls[alias, folder]
