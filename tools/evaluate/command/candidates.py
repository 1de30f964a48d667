"""The programs to evaluate: those that are named, and the others of the same model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workspace.errors import ToolError
from workspace.peek import peek
from workspace.programs import Program, check_specs, parse_peek

_BACKENDS = "toolchains::"
_LABELS = "labels_raw"
"""How `peek` calls the field `labels`, as a field of sources."""
_SOURCES = "src/python/"
"""A source root: module names begin below it."""


@dataclass(frozen=True)
class Candidate:
    """Attributes:
    backend: short name.
    precision: as declared; None for the backend's own.
    resolve: of the backend's toolchain.
    interpreter: dotted name of the module that can run the delegate's payload; None if there is none.
    unavailable: why it cannot be built; None if it can.
    """

    program: Program
    backend: str
    resolve: str
    interpreter: str | None
    unavailable: str | None


@dataclass(frozen=True)
class EvaluatedModel:
    """Attributes:
    labels: path of the label file, relative to the root; None without one.
    builder: path of the file that builds it and prepares its pictures, relative to the root.
    candidates: by address.
    """

    name: str
    labels: Path | None
    builder: Path
    candidates: tuple[Candidate, ...]


def find_models(
    root: Path, specs: Sequence[str], only: bool, environment: Mapping[str, str]
) -> tuple[EvaluatedModel, ...]:
    """Ask `./pants peek`.

    Args:
        only: the named programs alone, without the others of their models.

    Raises:
        ToolError: as `workspace.programs.find_programs` does.
    """
    check_specs(specs)
    folders = sorted({f"{spec.partition(':')[0]}:" for spec in specs if not spec.endswith("::")})
    peeked = {
        target["address"]: target
        for target in peek(root, [*dict.fromkeys([*specs, *folders, _BACKENDS])], environment)
    }
    named = {each.address for each in parse_peek(_of(peeked, specs), specs)}
    models = sorted({(_folder(address), peeked[address]["model"]) for address in named})
    backends = {
        _absolute(target["backend"][0], address)
        for address, target in peeked.items()
        if (_folder(address), target.get("model")) in models
    }
    if elsewhere := sorted(backends - set(peeked)):
        peeked |= {target["address"]: target for target in peek(root, elsewhere, environment)}
    return tuple(_model(peeked, model, named, only) for model in models)


def _of(peeked: Mapping[str, Any], specs: Sequence[str]) -> list[Mapping[str, Any]]:
    """The targets that the specifications stand for, of all that were asked for."""
    found = []
    for address, target in peeked.items():
        folder = _folder(address)
        for spec in (spec.removeprefix("//") for spec in specs):
            base = spec.partition(":")[0]
            below = spec.endswith("::") and (not base or f"{folder}/".startswith(f"{base}/"))
            if address == spec or below or (spec.endswith(":") and folder == base):
                found.append(target)
                break
    return found


def _model(
    peeked: Mapping[str, Any], model: tuple[str, str], named: set[str], only: bool
) -> EvaluatedModel:
    folder, name = model
    targets = [
        target
        for address, target in sorted(peeked.items())
        if (_folder(address), target.get("model")) == model
        and target["target_type"] == "pte_program"
        and (address in named or not only)
    ]
    labels = next((target[_LABELS] for target in targets if target.get(_LABELS)), None)
    return EvaluatedModel(
        name,
        None if labels is None else Path(folder, labels),
        Path(_file(targets[0]["builder"][0], folder)),
        tuple(_candidate(peeked, target) for target in targets),
    )


def _candidate(peeked: Mapping[str, Any], target: Mapping[str, Any]) -> Candidate:
    address = target["address"]
    where = _absolute(target["backend"][0], address)
    backend = peeked[where]
    modules = backend.get("interpreter") or ()
    # Of an unavailable one, too.
    (program,) = parse_peek([target], [address])
    return Candidate(
        program,
        where.rpartition(":")[2],
        backend["resolve"],
        _dotted(modules[0]) if modules else None,
        target.get("unavailable"),
    )


def _folder(address: str) -> str:
    return address.removeprefix("//").partition(":")[0]


def _absolute(address: str, of: str) -> str:
    """As Pants writes it: a relative one is in the folder of the target that has it."""
    if address.startswith(":"):
        return f"{_folder(of)}{address}"
    return address.removeprefix("//")


def _file(address: str, folder: str) -> str:
    """The path of a file from its address, which a target in `folder` has."""
    if address.startswith("./"):
        return f"{folder}/{address[2:]}"
    return address.removeprefix("//").partition(":")[0]


def _dotted(file: str) -> str:
    if not file.endswith(".py"):
        raise ToolError(f"{file}: an interpreter of a backend is a Python file")
    return file.removeprefix(_SOURCES).removesuffix(".py").replace("/", ".")
