"""Results of one key that several Pants processes leave and take at once: each is whole, and none spoils another."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pants.engine.fs import EMPTY_DIGEST
from pants.engine.process import Process

from pte_build.result_cache.entry import FILES, STDERR, STDOUT, leave, take

KEY, OTHER_KEY = "0a" * 32, "0b" * 32
PROGRAM, FACTS = "program.pte", "facts/facts.json"
OUTPUTS = (PROGRAM, FACTS)
CONTENT = {PROGRAM: b"bytes" * 10_000, FACTS: b"{}\n"}
NOT_FOUND = 75

# Pauses before it copies the program: says that it got there, and goes on when told to.
_SLOW_COPY = """#!/bin/sh
[ -z "$PAUSE" ] || {
  for last; do :; done
  mkdir -p "$last/files"
  for place in "$last/files" "$last"; do printf half >"$place/program.pte"; done
  : >"$PAUSE/reached"
  while [ ! -e "$PAUSE/go" ]; do sleep 0.01; done
}
exec /bin/cp "$@"
"""


@dataclass
class Machine:
    """Runs the processes as Pants does: each in an empty folder that the cache is linked into."""

    root: Path
    sandboxes: list[Path] = field(default_factory=list)

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    def start(
        self, process: Process, files: dict[str, bytes], pause: Path | None
    ) -> subprocess.Popen[bytes]:
        sandbox = self.root / f"sandbox{len(self.sandboxes)}"
        self.sandboxes.append(sandbox)
        sandbox.mkdir()
        ((_, link),) = process.append_only_caches.items()
        (sandbox / link).symlink_to(self.cache)
        for path, content in files.items():
            place = sandbox / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        shell, option, script, *rest = process.argv
        script = script.replace("/bin/cp ", f"{self.root}/slow_copy ")
        return subprocess.Popen(
            [shell, option, script, *rest],
            cwd=sandbox,
            env={"PAUSE": str(pause or "")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def leave(
        self, key: str = KEY, pause: Path | None = None, content: dict[str, bytes] = CONTENT
    ) -> subprocess.Popen[bytes]:
        files = {f"{FILES}/{path}": data for path, data in content.items()}
        files |= {STDOUT: b"said\n", STDERR: b"warned\n"}
        return self.start(leave(key, OUTPUTS, EMPTY_DIGEST, "Leave"), files, pause)

    def take(self, key: str = KEY, pause: Path | None = None) -> subprocess.Popen[bytes]:
        return self.start(take(key, OUTPUTS, "Take"), {}, pause)

    def taken(self, process: subprocess.Popen[bytes], sandbox: Path) -> bool:
        """Whether it has taken a result; then it must be whole."""
        said = process.communicate(timeout=60)
        if process.returncode != 0:
            assert process.returncode == NOT_FOUND, said
            return False
        assert said == (b"said\n", b"warned\n")
        assert {path: (sandbox / path).read_bytes() for path in OUTPUTS} == CONTENT
        return True

    def take_now(self, key: str = KEY) -> bool:
        process = self.take(key)
        return self.taken(process, self.sandboxes[-1])


@pytest.fixture()
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "cache").mkdir()
    copy = tmp_path / "slow_copy"
    copy.write_text(_SLOW_COPY)
    copy.chmod(0o755)
    return Machine(tmp_path)


@pytest.fixture()
def pause(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "pause"
    folder.mkdir()
    yield folder
    (folder / "go").touch()


def wait_until_it_copies(pause: Path) -> None:
    deadline = time.monotonic() + 60
    while not (pause / "reached").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ended_well(process: subprocess.Popen[bytes]) -> bool:
    process.communicate(timeout=60)
    return process.returncode == 0


def test_a_second_result_while_the_first_is_being_left(machine: Machine, pause: Path) -> None:
    first = machine.leave(pause=pause)
    wait_until_it_copies(pause)
    assert not machine.take_now()
    assert ended_well(machine.leave())
    assert machine.take_now()
    (pause / "go").touch()
    assert ended_well(first)
    assert machine.take_now()
    assert not machine.take_now()
    assert list(machine.cache.iterdir()) == []


def test_a_result_is_left_while_another_is_being_taken(machine: Machine, pause: Path) -> None:
    assert ended_well(machine.leave())
    first = machine.take(pause=pause)
    sandbox = machine.sandboxes[-1]
    wait_until_it_copies(pause)
    assert not machine.take_now()
    assert ended_well(machine.leave())
    assert machine.take_now()
    (pause / "go").touch()
    assert machine.taken(first, sandbox)
    assert list(machine.cache.iterdir()) == []


def test_another_key_is_unaffected(machine: Machine) -> None:
    assert ended_well(machine.leave(OTHER_KEY))
    assert not machine.take_now()
    assert machine.take_now(OTHER_KEY)


def test_a_result_that_lacks_a_file_is_not_left(machine: Machine) -> None:
    assert not ended_well(machine.leave(content={PROGRAM: CONTENT[PROGRAM]}))
    assert not machine.take_now()


@pytest.mark.parametrize("damage", ["cut", "zeros", "gone", "said", "sums", "no sums"])
def test_what_a_power_cut_has_damaged_is_skipped(machine: Machine, damage: str) -> None:
    assert ended_well(machine.leave())
    (folder,) = machine.cache.glob("*/done")
    program = folder / FILES / PROGRAM
    if damage == "cut":
        os.truncate(program, 10_000)
    elif damage == "zeros":
        program.write_bytes(bytes(len(CONTENT[PROGRAM])))
    elif damage == "gone":
        program.unlink()
    elif damage == "said":
        os.truncate(folder / STDOUT, 0)
    elif damage == "sums":
        os.truncate(folder / "sums", 0)
    else:
        (folder / "sums").unlink()
    assert ended_well(machine.leave())
    assert machine.take_now()
    assert not machine.take_now()
    assert list(machine.cache.iterdir()) == []


def test_what_killed_runs_have_left_is_removed_after_a_day(machine: Machine, pause: Path) -> None:
    killed = machine.leave(pause=pause)
    wait_until_it_copies(pause)
    killed.kill()
    (pause / "go").touch()
    killed.communicate(timeout=60)
    (left,) = machine.cache.iterdir()
    assert ended_well(machine.leave(OTHER_KEY))
    assert left.exists()
    yesterday = time.time() - 49 * 3600
    os.utime(left, (yesterday, yesterday))
    assert ended_well(machine.leave(OTHER_KEY))
    assert not left.exists()


def test_many_at_once_each_get_a_whole_result(machine: Machine) -> None:
    """As in `run_in_toolchain`: each leaves a result and takes one."""
    processes = [machine.leave() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ended_well, processes))
    takers = [(machine.take(), machine.sandboxes[-1]) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda taker: machine.taken(*taker), takers))
    assert list(machine.cache.iterdir()) == []
