"""One runtime in a process: `python -m bench.latency.worker RUNTIME THREADS`, in the sandbox of the export.

It loads the program, runs it once, writes the outputs, and answers `{"ready": true}`. Then each line `WARM_UP TIMED` on
standard input is answered by the seconds of TIMED inferences, after WARM_UP untimed ones, as a JSON list. Between two
lines it does nothing, so that another worker can be timed meanwhile. It ends with its standard input.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TextIO

import numpy as np

from bench.latency.arrays import write_arrays
from bench.latency.files import outputs_file
from bench.latency.runtimes import LOADERS, Run


def main(arguments: list[str]) -> int:
    name, threads = arguments[0], int(arguments[1])
    answers = _claim_stdout()
    run = LOADERS[name](Path.cwd(), threads)
    outputs = [np.asarray(output) for output in run()]
    write_arrays(outputs_file(Path.cwd(), name, threads), outputs)
    _answer(answers, {"ready": True})
    for line in sys.stdin:
        warm_up, timed = map(int, line.split())
        _answer(answers, time_runs(run, warm_up, timed))
    return 0


def time_runs(run: Run, warm_up: int, timed: int) -> list[float]:
    """Wall-clock seconds of each timed inference."""
    for _ in range(warm_up):
        run()
    seconds = []
    for _ in range(timed):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return seconds


def _claim_stdout() -> TextIO:
    """Standard output, for our answers only: what runtimes print to it now goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _answer(answers: TextIO, value: object) -> None:
    print(json.dumps(value), file=answers, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
