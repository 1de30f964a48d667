"""`.ci/release` in a clone."""

from __future__ import annotations

import os
import subprocess

from end_to_end.clone import PantsOutcome, UserClone


def release(clone: UserClone, **settings: str) -> PantsOutcome:
    """Runs as on a CI host, where git has no user."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PEX", "PYTHON", "PYTEST", "VIRTUAL_ENV", "GIT_", "RELEASE_"))
    }
    anonymous = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    once = {"PANTS_PANTSD": "false"}
    wanted = {**inherited, **anonymous, **once, **clone.environment, **settings}
    finished = subprocess.run(
        [".ci/release"],
        cwd=clone.root,
        env={name: value for name, value in wanted.items() if value is not None},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1800,
        check=False,
    )
    return PantsOutcome(finished.returncode, finished.stdout)
