"""For tests: publish in a process that kills itself with SIGKILL at a given step.

`python -m pte_foundry.testing.killed_publisher FOLDER REPOSITORY STEP`, where STEP counts from 0. A
process that lives to the end exits with 0.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from pte_foundry.publishing.publish import publish
from pte_foundry.records.command import run_command
from pte_foundry.testing.sample_trees import request_for


def main(folder: str, repository: str, last: int) -> int:
    passed: list[str] = []
    os.environ["PUBLISHER"] = str(os.getpid())

    def step(name: str) -> None:
        if len(passed) == last:
            print(f"killed before: {name}", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        passed.append(name)

    request = request_for(Path(folder), repository, changed=True, removed=True)
    publish(request, lambda line: None, step)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(lambda: main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
