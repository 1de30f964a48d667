"""Run one program, or its eager model, on pictures: `python -m pte_foundry.evaluation.main REQUEST`.

Runs in a program's toolchain, in a folder with its checkpoint. Writes lines of JSON to standard output: first how the
program runs, `{"runs": "executed"}`, then for each picture `{"picture": SHA-256, "answer": ...}`; or alone
`{"refused": why}` for a program that cannot run on this machine.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TextIO

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pte_foundry.errors import PteError
from pte_foundry.evaluation.prediction import predict
from pte_foundry.evaluation.request import EAGER, EXECUTED, INTERPRETED, EvaluationRequest
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.models.eager import EagerModel, build_eager
from pte_foundry.photographs.reader import photograph_reader
from pte_foundry.records.command import run_command
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json
from pte_foundry.records.limits import Limits
from pte_foundry.validation.interpretation import NOT_INTERPRETABLE, interpretation_start
from pte_foundry.validation.isolation.child_process import ChildProcess
from pte_foundry.validation.runtime import runtime_start, unregistered_delegates

LIMITS = Limits(seconds=600, memory_mb=8192)
NOT_HERE = ("not-executable", NOT_INTERPRETABLE)
"""Kinds of errors that are no fault of the program: this machine cannot run it."""

Run = Callable[[tuple[Tensor, ...]], Sequence[Tensor]]


def evaluate(request: EvaluationRequest, say: Callable[[dict[str, object]], None]) -> None:
    """Say the answers.

    Raises:
        PteError: `not-executable` if the program neither runs here nor can be interpreted; `not-interpretable`; what
            a program's process raises when it fails; `task` for an output that cannot be read; `bad-data-set` for a
            picture that has changed.
    """
    # Before a process is forked: it could wait for ever for threads that it has not. And threads of torch would compete
    # with those of the runtime.
    torch.set_num_threads(1)
    eager = build_eager(request.model, Path())
    with _running(request, eager) as (how, run):
        say({"runs": how})
        for digest, path in request.pictures.items():
            if sha256(Path(path).read_bytes()).hexdigest() != digest:
                raise PteError("bad-data-set", f"{path}: has changed since it was read first")
            picture = photograph_reader()(Path(path))
            inputs = eager.definition.preprocess(picture)
            output = run(inputs)[0].to(torch.float32).numpy()
            height, width = inputs[0].shape[2:]
            size = picture.shape[0], picture.shape[1]
            say({"picture": digest, "answer": predict(request.task, output, size, (height, width))})


@contextmanager
def _running(request: EvaluationRequest, eager: EagerModel) -> Iterator[tuple[str, Run]]:
    """How it runs, and what runs it."""
    if request.pte is None:
        torch.set_num_threads(request.threads)

        def run(inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
            with torch.no_grad():
                return list(pytree.tree_leaves(eager.module(*inputs)))

        yield EAGER, run
        return
    pte = Path(request.pte).read_bytes()
    absent = unregistered_delegates(inspect_program(pte).delegates)
    if not absent:
        how, start = EXECUTED, runtime_start(pte, request.threads)
    elif request.interpreter is not None:
        how = INTERPRETED
        start = interpretation_start(
            request.interpreter, pte, eager.example_inputs, request.options
        )
    else:
        raise PteError(
            "not-executable",
            f"the runtime on this machine has no {', '.join(absent)}, and nothing here interprets its programs",
        )
    with ChildProcess(start, LIMITS) as child:
        yield how, child.run


def main(arguments: Sequence[str], answers: TextIO) -> int:
    """0, or a PteError."""
    (path,) = arguments
    request = EvaluationRequest.read(Fields(read_json(Path(path)), path))

    def say(message: dict[str, object]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    try:
        evaluate(request, say)
    except PteError as error:
        if error.kind not in NOT_HERE:
            raise
        say({"refused": error.message})
    return 0


if __name__ == "__main__":
    # What libraries print goes to standard error.
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.exit(run_command(lambda: main(sys.argv[1:], ours)))
