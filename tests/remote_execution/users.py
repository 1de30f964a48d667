"""A machine of stand-in programs whose exports and validations run on workers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from end_to_end.clone import PantsOutcome
from remote_cache.machines import PROGRAM, SEEDED, StandInMachine, make_stand_in_machine

_NUMBERS = count(1)
_BUILDER = """
import time
time.sleep({seconds})
CONTENT = {content!r}
"""


def remote_settings(address: str) -> dict[str, str]:
    """The variables that a user sets. The cache is written to as well."""
    return {
        "PANTS_CONFIG_FILES": "pants.remote-execution.toml",
        "PANTS_REMOTE_STORE_ADDRESS": address,
        "PANTS_REMOTE_EXECUTION_ADDRESS": address,
        "PANTS_REMOTE_CACHE_WRITE": "true",
    }


@dataclass(frozen=True)
class RemoteUser:
    machine: StandInMachine

    def change(self, seconds: float = 0.0) -> bytes:
        """Make the program a new one, whose export takes these seconds at least; what its bytes contain."""
        content = f"remote variant {next(_NUMBERS)}"
        text = _BUILDER.format(seconds=seconds, content=content)
        (self.machine.clone.root / "src/python/pte_foundry/models/variant.py").write_text(text)
        return content.encode()

    def assert_refused(self, *expected: str) -> PantsOutcome:
        """`./pants package` of the program fails, with these words and what to do, and writes nothing."""
        outcome = self.machine.package()
        assert outcome.exit_code == 1, outcome.output
        for text in (*expected, "--no-remote-execution"):
            assert text in outcome.output, outcome.output
        assert self.machine.clone.dist_files() == {}
        return outcome

    def assert_built_there(self, content: bytes) -> PantsOutcome:
        """A worker exports the program."""
        outcome = self.machine.package()
        assert outcome.exit_code == 0, outcome.output
        assert outcome.exports == [PROGRAM], outcome.output
        assert f"{PROGRAM}: started on a worker" in outcome.output
        assert content in (self.machine.pte() or b"")
        return outcome

    @contextmanager
    def building(self) -> Iterator[subprocess.Popen[bytes]]:
        """`./pants package` of the program, for the length of a `with` block at most."""
        clone = self.machine.clone
        clone.clear_dist()
        wanted = {**os.environ, **clone.environment}
        process = subprocess.Popen(
            ["./pants", "--no-dynamic-ui", SEEDED, "package", PROGRAM],
            cwd=clone.root,
            env={name: value for name, value in wanted.items() if value is not None},
            stdin=subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def make_user(folder: Path, address: str) -> RemoteUser:
    """In a new workspace with an empty store."""
    return RemoteUser(make_stand_in_machine(folder, address, remote_settings(address)))
