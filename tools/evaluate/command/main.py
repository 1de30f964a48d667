"""Measure how often a model's programs are right on your own pictures, beside the eager fp32 model."""

from __future__ import annotations

import datetime
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.command.machine import this_machine
from evaluate.command.candidates import Candidate, EvaluatedModel, find_models
from evaluate.command.evaluation import Built, Evaluation
from evaluate.command.result import Row, device_results, result_json, result_table
from pte_foundry.errors import PteError
from pte_foundry.evaluation.data_set import DataSet, check_labels, read_data_set
from pte_foundry.evaluation.pictures import Picture, find_pictures, read_pictures
from pte_foundry.evaluation.task import read_task
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import canonical_json, read_json
from pte_foundry.records.model_request import SEEDED
from pte_foundry.records.outside_fields import words
from pte_foundry.records.outside_text import plain
from pte_foundry.records.report import Report
from workspace.atomic_file import replace_text
from workspace.builds import BuildSetting
from workspace.child_environment import same_checkout_environment
from workspace.errors import ToolError
from workspace.pants_command import run_pants
from workspace.repository import find_repository
from workspace.tool_command import NEGATIVE, ToolCommand
from workspace.weights_source import SourceOfWeights, weights_options

app = typer.Typer(add_completion=False)

_QUIET = ("--no-pantsd", "--no-dynamic-ui", "--no-colors", "--level=info")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,99}")


@app.command("evaluate", cls=ToolCommand)
def main(
    addresses: Annotated[
        list[str], typer.Argument(help="Programs of one model, as models/yolo:yolo11n_xnnpack.")
    ],
    images: Annotated[
        Path, typer.Option(metavar="DIR", help="The pictures, in this folder and below.")
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="For a classifier or an embedding a table `file,label`; default: each class has a folder of --images. "
            "For a detector COCO's annotations (JSON), or a folder of ultralytics' labels.",
        ),
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="Not the model's other programs, only those named.")
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(help="What the data set is called in results; default: the folder's name."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Of the runtime; default: one for each CPU.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="WHO",
            help="Who measured: writes the results that `foundry record` puts beside the model too.",
        ),
    ] = None,
    weights_source: Annotated[
        SourceOfWeights | None,
        typer.Option(help="Where the weights come from; default: your Pants options."),
    ] = None,
) -> None:
    """Measure how often a model's programs are right on your pictures.

    Evaluates the eager fp32 model and each of its programs, of all precisions, that runs or can be interpreted on this
    machine: top-1 and top-5 of classifiers, mean average precision of detectors and poses, nearest neighbours of
    embeddings. An evaluation that was stopped goes on when it is called again: answers are kept by the hashes of
    program and picture. The result is dist/evaluations/NAME/MODEL.json. Exit code 1: a program failed on the way; the
    others are evaluated.
    """
    output = Console(width=None if Console().is_terminal else 160)
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    data_name = name or images.absolute().name
    if not _NAME.fullmatch(data_name):
        raise ToolError(
            f"--name: {plain(data_name)!r}: give letters, digits, spaces and . _ - (up to 100), beginning with a "
            "letter or digit"
        )
    repository = find_repository()
    environment = same_checkout_environment(os.environ)
    try:
        if by is not None:
            words(Fields({"--by": by}, "the command line"), "--by")
        paths = find_pictures(images)
        models = find_models(repository.root, addresses, only, environment)
        if len(models) != 1:
            named = ", ".join(each.name for each in models)
            raise ToolError(
                f"these are programs of several models: {named}. Evaluate one at a time"
            )
        (model,) = models
        pictures = _checked(repository.root, model, images, paths, labels, errors)
        with tempfile.TemporaryDirectory(prefix="pte-evaluate-") as scratch:
            setting = BuildSetting(
                repository.root,
                Path(scratch).resolve(),
                environment,
                {},
                weights_options(weights_source),
            )
            built, absent = _build(setting, model, errors)
            report = built[0].report
            classes = _classes(repository.root, model)
            task = read_task(report, len(classes) or None)
            data_set = read_data_set(data_name, images, pictures, labels, task, classes)
            _tell(errors, data_set, report, by)
            folder = repository.root / "dist" / "evaluations"
            with _Bars(errors) as bars:
                evaluation = Evaluation(
                    setting,
                    task,
                    data_set,
                    model.builder,
                    folder / "answers",
                    threads or os.cpu_count() or 1,
                    bars.begin,
                    bars.say,
                )
                rows = _evaluate(evaluation, built, absent, folder / data_name, model, report)
    except PteError as error:
        raise ToolError(plain(error.message)) from None
    output.print(result_table(rows))
    for row in rows:
        if row.why_not is not None:
            errors.print(f"{row.name}: {row.without_scores}: {row.why_not}")
    errors.print(f"written: {folder / data_name / f'{model.name}.json'}")
    if by is not None:
        _write_records(rows, data_set, by, folder / data_name, errors)
    if any(row.failed for row in rows):
        raise typer.Exit(NEGATIVE)


def _checked(
    root: Path,
    model: EvaluatedModel,
    images: Path,
    paths: Sequence[Path],
    labels: Path | None,
    errors: Console,
) -> tuple[Picture, ...]:
    """The pictures; whatever is wrong with them or their labels is said before anything is built."""
    classes = _classes(root, model)
    names = [path.relative_to(images).as_posix() for path in paths]
    check_labels(images, names, labels, classes)
    with _Bars(errors) as bars:
        pictures = read_pictures(images, paths, bars.begin("reading the pictures", len(paths), 0))
    read_data_set("", images, pictures, labels, None, classes)
    return pictures


def _classes(root: Path, model: EvaluatedModel) -> list[str]:
    """Lines of the model's label file; empty without one."""
    if model.labels is None:
        return []
    # As the validation reads it: no splitlines(), which splits at characters that a name may contain.
    text = (root / model.labels).read_text(encoding="utf-8").removesuffix("\n")
    return [line.rstrip("\r") for line in text.split("\n")]


def _build(
    setting: BuildSetting, model: EvaluatedModel, errors: Console
) -> tuple[list[Built], list[Row]]:
    """The programs that can be built, and a row for each other one."""
    available = [each for each in model.candidates if each.unavailable is None]
    if not available:
        raise ToolError(f"{model.name}: none of its programs can be built here")
    errors.print(
        f"building {len(available)} programs of {model.name}, or taking them from the cache"
    )
    run_pants(
        setting.root,
        setting.environment,
        (*_QUIET, *setting.options, "package", *(each.program.address for each in available)),
    )
    absent = [
        Row(each.program.pte.stem, None, None, {}, each.unavailable)
        for each in model.candidates
        if each.unavailable is not None
    ]
    return [_built(setting.root, each) for each in available], absent


def _built(root: Path, candidate: Candidate) -> Built:
    pte = root / "dist" / candidate.program.pte
    path = pte.with_suffix(".json")
    return Built(candidate, Report.read(Fields(read_json(path), str(path))), pte)


def _tell(errors: Console, data_set: DataSet, report: Report, by: str | None) -> None:
    left = f", {data_set.left_out} more are not in the labels" if data_set.left_out else ""
    errors.print(f"{data_set.name}: {len(data_set.pictures)} pictures{left}")
    if report.declared.weights.source == SEEDED:
        errors.print(
            "the weights are seeded: nobody trained them, so what they see means nothing. Name trained ones with "
            "--weights-source=official or [weights] substitutes"
        )
        if by is not None:
            raise ToolError("--by: results of seeded weights are not recorded. Leave it out")


def _evaluate(
    evaluation: Evaluation,
    built: Sequence[Built],
    absent: Sequence[Row],
    folder: Path,
    model: EvaluatedModel,
    report: Report,
) -> list[Row]:
    """All rows; the file of the result is written anew with each."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for row in evaluation.rows(built):
        rows.append(row)
        content = result_json(
            model.name,
            evaluation.data_set,
            _today(),
            report.declared.weights.to_json(),
            [*rows, *absent],
        )
        replace_text(folder / f"{model.name}.json", canonical_json(content))
    return [*rows, *absent]


def _write_records(
    rows: Sequence[Row], data_set: DataSet, who: str, folder: Path, errors: Console
) -> None:
    results = device_results(rows, data_set, _today(), who, this_machine())
    (folder / "record").mkdir(exist_ok=True)
    for file, result in results.items():
        # As read back: what a page would refuse is refused here.
        text = canonical_json(result.read(Fields(result.to_json(), file)).to_json())
        replace_text(folder / "record" / file, text)
    errors.print(
        f"to show them on the model's page: ./foundry record {folder / 'record'}/*.json "
        "--index INDEX_OF_YOUR_TREE"
    )


def _today() -> str:
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()


@dataclass
class _Bars:
    """A bar for each program while it is evaluated."""

    console: Console

    def __post_init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self.console,
        )

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, name: str, pictures: int, done: int) -> Callable[[], None]:
        """A new bar; call the result after each picture."""
        task = self._progress.add_task(name, total=pictures, completed=done)
        return lambda: self._progress.advance(task)

    def say(self, line: str) -> None:
        """Print above the bars."""
        self._progress.console.print(line)
