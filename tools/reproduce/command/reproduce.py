"""Build programs once, build them again under perturbations, and compare."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from reproduce.perturbations.compare_run import differing_part
from reproduce.perturbations.export_run import run_export
from reproduce.perturbations.perturbation import BuildChange, ExportChange, Perturbation
from workspace.builds import (
    BuildSetting,
    build,
    clean_build,
    clone_build,
    remote_build,
    written_program,
)
from workspace.errors import ToolError
from workspace.kept_sandbox import KeptSandbox
from workspace.programs import Program

_Rebuild = Callable[[Program], bytes]


@dataclass(frozen=True)
class Result:
    """One program under one perturbation.

    Attributes:
        sha256: of the program that was built under it; None if it could not be built.
        difference: the first part that differs from the unperturbed program; None if none does.
        error: why there is no answer; None if there is one.
    """

    address: str
    perturbation: str
    sha256: str | None
    difference: str | None
    error: str | None

    @property
    def same(self) -> bool:
        return self.difference is None and self.error is None


@dataclass(frozen=True)
class Reproduction:
    """references: SHA-256 of the unperturbed programs, by address."""

    references: dict[str, str]
    results: tuple[Result, ...]

    @property
    def exit_code(self) -> int:
        """2 if an answer is missing, else 1 if a program differs, else 0."""
        if any(result.error is not None for result in self.results):
            return 2
        return 0 if all(result.same for result in self.results) else 1


def reproduce(
    programs: Sequence[Program],
    perturbations: Sequence[Perturbation],
    setting: BuildSetting,
    progress: Callable[[str], None],
) -> Reproduction:
    """Raises ToolError if the programs cannot be built at all."""
    progress(f"building {len(programs)} programs, to compare with")
    reference = build(setting, programs, "reference")
    references, kept = reference.programs, reference.sandboxes
    clean = any(perturbation.change == BuildChange() for perturbation in perturbations)
    if clean or len(kept) < len(programs):
        # What came from a cache has left no sandbox.
        progress(
            "building them again without any cache, and keeping the sandboxes of their exports"
        )
        kept = clean_build(setting, programs, "clean")
    results: list[Result] = []
    for perturbation in perturbations:
        progress(f"{perturbation.name}: {perturbation.about}")
        with ExitStack() as stack:
            rebuild = _as_results(stack, perturbation, programs, setting, kept)
            for program in programs:
                result = _compare(program, perturbation.name, rebuild, references, kept, setting)
                progress(f"{perturbation.name}: {program.address}: {verdict(result)}")
                results.append(result)
    digests = {address: _sha256(pte) for address, pte in references.items()}
    return Reproduction(digests, tuple(results))


def verdict(result: Result) -> str:
    """`same`, or what else there is to say."""
    if result.error is not None:
        return f"failed: {result.error}"
    return "same" if result.difference is None else f"differs: {result.difference}"


def _as_results(
    stack: ExitStack,
    perturbation: Perturbation,
    programs: Sequence[Program],
    setting: BuildSetting,
    kept: Mapping[str, KeptSandbox],
) -> _Rebuild:
    """A function from a program to its bytes under a change; it raises ToolError if there are none."""
    change = perturbation.change
    if isinstance(change, ExportChange):
        return lambda program: run_export(kept[program.address], change, setting.scratch)
    try:
        if change == BuildChange():
            sandboxes = kept
        elif change.on_workers:
            exported = remote_build(setting, programs, perturbation.name)
            return lambda program: exported[program.address]
        elif change.in_clone:
            sandboxes = stack.enter_context(clone_build(setting, programs))
        else:
            sandboxes = clean_build(
                setting, programs, perturbation.name, change.environment, change.umask
            )
    except ToolError as error:
        reason = str(error)

        def fail(program: Program) -> bytes:
            raise ToolError(reason)

        return fail
    return lambda program: written_program(sandboxes[program.address])


def _compare(
    program: Program,
    perturbation: str,
    rebuild: _Rebuild,
    references: Mapping[str, bytes],
    kept: Mapping[str, KeptSandbox],
    setting: BuildSetting,
) -> Result:
    address, reference = program.address, references[program.address]
    try:
        pte = rebuild(program)
        difference = (
            None
            if pte == reference
            else differing_part(kept[address], setting.root, reference, pte, setting.scratch)
        )
    except ToolError as error:
        return Result(address, perturbation, None, None, str(error))
    return Result(address, perturbation, _sha256(pte), difference, None)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
