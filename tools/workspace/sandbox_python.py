"""The Python of an export's toolchain, in the export's sandbox, for modules other than the export."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# As tools/pants-plugins/pte_build/toolchain/process.py starts it. The rest of that environment is left out: it pins
# torch to the slowest kernels, for equal bytes.
_COMMAND = (".python/py311", "toolchain.pex", "-m")


@dataclass(frozen=True)
class SandboxPython:
    """folder: the sandbox. paths: where else modules are found, after the toolchain's own."""

    folder: Path
    paths: tuple[Path, ...]

    def start(
        self, module: str, *arguments: str, stdin: int, stdout: int | IO[str], log: IO[str]
    ) -> subprocess.Popen[str]:
        """`python -m module` with the sandbox as working directory; `log` gets its standard error."""
        return subprocess.Popen(
            [*_COMMAND, module, *arguments],
            cwd=self.folder,
            env={
                "HOME": ".home",
                "LANG": "C.UTF-8",
                "PATH": "/usr/bin:/bin",
                "PEX_EXTRA_SYS_PATH": ":".join(map(str, self.paths)),
                "PEX_IGNORE_RCFILES": "1",
                "PEX_ROOT": ".pex_root",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdin=stdin,
            stdout=stdout,
            stderr=log,
            text=True,
        )
