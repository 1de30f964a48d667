"""The toolchain of an export, for other work than the export."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from end_to_end.clone import UserClone


@dataclass(frozen=True)
class KeptToolchain:
    """A kept sandbox of an export."""

    sandbox: Path

    def run(self, *arguments: str) -> str:
        """What Python says, given these arguments in place of the export."""
        script = (self.sandbox / "__run.sh").read_text()
        start, _, _ = script.partition(" -m pte_foundry.exporting.main")
        assert start != script
        finished = subprocess.run(
            ["bash", "-c", f"{start} {shlex.join(arguments)}"],
            cwd=self.sandbox,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout
        return finished.stdout


def toolchain_of(clone: UserClone, program: str) -> KeptToolchain:
    """Export a program from seeded weights, whatever caches have, and keep its sandbox."""
    options = ("--weights-source=seeded", "--keep-sandboxes=always", "--no-local-cache")
    outcome = clone.run(*options, "package", program)
    assert outcome.exit_code == 0, outcome.output
    kept = rf"Preserving local process execution dir (\S+) for Export {program}$"
    (sandbox, *_) = re.findall(kept, outcome.output, re.MULTILINE)
    return KeptToolchain(Path(sandbox))
