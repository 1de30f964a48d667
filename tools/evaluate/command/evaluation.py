"""Evaluate the programs of a model, and its eager model: what has an answer already is not computed again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluate.command.candidates import Candidate
from evaluate.command.result import REFERENCE, Row
from evaluate.command.toolchain_run import ProcessFailed, answers, export_request
from pte_foundry.evaluation.data_set import DataSet, score
from pte_foundry.evaluation.kept_answers import KeptAnswers, kept_answers
from pte_foundry.evaluation.prediction import VERSION
from pte_foundry.evaluation.request import EvaluationRequest
from pte_foundry.evaluation.task import Task
from pte_foundry.records.model_request import SEEDED
from pte_foundry.records.report import Report
from workspace.builds import BuildSetting, export_sandbox
from workspace.errors import ToolError
from workspace.kept_sandbox import KeptSandbox

_LIBRARY = Path("src/python/pte_foundry")
# Keys among the answers that are no picture's hash: how the program ran, and why it did not.
_RUNS, _REFUSED = "runs", "refused"


@dataclass(frozen=True)
class Built:
    """A candidate that was built. pte: its file below dist/."""

    candidate: Candidate
    report: Report
    pte: Path


@dataclass(frozen=True)
class Evaluation:
    """Attributes:
    setting: of the builds that give the toolchains.
    builder: the file that says how pictures are prepared, relative to the root; answers depend on it.
    kept: the folder of the answers.
    threads: of the runtime.
    begin: called with a program's name, the number of pictures and how many of them have an answer already; what it
        returns is called after each other one.
    say: prints a line.
    """

    setting: BuildSetting
    task: Task
    data_set: DataSet
    builder: Path
    kept: Path
    threads: int
    begin: Callable[[str, int, int], Callable[[], None]]
    say: Callable[[str], None]

    def rows(self, programs: Sequence[Built]) -> Iterator[Row]:
        """The eager model's first, then each program's, as soon as it is known.

        Raises:
            ToolError: if a toolchain cannot be had, or the eager model fails. A program that does has a row that says
                so, and what it had answered until then is kept.
        """
        sandboxes = _Sandboxes(self.setting, programs, self.say)
        yield self._row(None, programs[0], sandboxes)
        for built in programs:
            yield self._row(built, built, sandboxes)

    def _row(self, built: Built | None, of: Built, sandboxes: _Sandboxes) -> Row:
        """built: None for the eager model, which is that of the program `of`."""
        name = REFERENCE if built is None else Path(of.pte).stem
        report = None if built is None else built.report
        whose = self._whose(report, of)
        file = hashlib.sha256(json.dumps(whose, sort_keys=True).encode()).hexdigest()
        with kept_answers(self.kept / f"{name.replace(' ', '_')}-{file[:16]}.jsonl", whose) as kept:
            try:
                why_not = self._complete(name, kept, built, of, sandboxes)
            except ProcessFailed as error:
                if built is None:
                    raise
                self.say(f"{name}: {error}")
                return Row(name, report, None, {}, f"its evaluation {error.how}", failed=True)
            if why_not is not None:
                return Row(name, report, None, {}, why_not)
            found = score(self.data_set, self.task, kept.answers)
            return Row(name, report, kept.answers[_RUNS], found)

    def _complete(
        self, name: str, kept: KeptAnswers, built: Built | None, of: Built, sandboxes: _Sandboxes
    ) -> str | None:
        """Compute the answers that are missing; returns why there are none."""
        pictures = {each.sha256: str(each.path.absolute()) for each in self.data_set.pictures}
        missing = {digest: path for digest, path in pictures.items() if digest not in kept.answers}
        done = self.begin(name, len(pictures), len(pictures) - len(missing))
        if _REFUSED in kept.answers:
            return str(kept.answers[_REFUSED])
        if not missing and _RUNS in kept.answers:
            return None
        sandbox = sandboxes.of(of)
        asked = export_request(sandbox)
        request = EvaluationRequest(
            asked.model,
            self.task,
            None if built is None else str(built.pte),
            of.candidate.interpreter,
            {} if built is None else built.report.options,
            self.threads,
            missing,
        )
        for said in answers(self.setting.root, sandbox, self.setting.scratch, request):
            if _REFUSED in said:
                kept.add(_REFUSED, said[_REFUSED])
                return str(said[_REFUSED])
            if _RUNS in said:
                kept.add(_RUNS, said[_RUNS])
            else:
                kept.add(said["picture"], said["answer"])
                done()
        if lacking := set(missing) - set(kept.answers):
            raise ToolError(f"{name}: the process ended without {len(lacking)} answers")
        return None

    def _whose(self, report: Report | None, of: Built) -> dict[str, object]:
        """What the answers depend on, besides the pictures. report: None for the eager model."""
        declared = of.report.declared
        identity: dict[str, object] = (
            {"eager": declared.model, "weights": declared.weights.sha256 or SEEDED}
            if report is None
            else {"program": report.sha256}
        )
        return {
            "version": VERSION,
            "task": self.task.to_json(),
            "executorch": of.report.versions["executorch"],
            "code": code_sha256(self.setting.root, self.builder),
            **identity,
        }


class _Sandboxes:
    """Of one export for each toolchain, made when it is needed first."""

    def __init__(
        self, setting: BuildSetting, programs: Sequence[Built], say: Callable[[str], None]
    ) -> None:
        self._setting = setting
        self._programs = programs
        self._say = say
        self._found: dict[str, KeptSandbox] = {}

    def of(self, built: Built) -> KeptSandbox:
        """Raises ToolError as `export_sandbox` does."""
        resolve = built.candidate.resolve
        if resolve not in self._found:
            # Float programs export in seconds.
            program = min(
                (each for each in self._programs if each.candidate.resolve == resolve),
                key=lambda each: each.report.quantization is not None,
            ).candidate.program
            self._say(
                f"exporting {program.address} once more, to have its toolchain and checkpoint"
            )
            self._found[resolve] = export_sandbox(
                self._setting, program, f"sandboxes-{len(self._found)}"
            )
        return self._found[resolve]


def code_sha256(root: Path, builder: Path) -> str:
    """Of everything of the library that may change an answer, and of the model's builder."""
    files = {
        path
        for path in (root / _LIBRARY).rglob("*.py")
        if not path.name.endswith("_test.py")
        and path.relative_to(root / _LIBRARY).parts[0]
        in ("backends", "evaluation", "models", "photographs", "validation")
    }
    found = hashlib.sha256()
    for path in sorted({*files, root / builder}):
        found.update(f"{path.relative_to(root)}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
