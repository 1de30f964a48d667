"""A process that is killed between any two steps leaves nothing that stops the next one.

As an ordinary user, who may not write to a file that was made read-only.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pte_foundry.testing.faulty_server import serve
from pte_foundry.testing.open_folder import open_folder
from pte_foundry.testing.published_tree import tree_files, write_tree

FEWEST_STEPS = 12  # Each opens, makes, changes, renames or removes something of the cache.

# Kills a fetch at its first step, and fetches again; then at its second step, and so on until one comes to its end.
_PROGRAM = """
import os, shutil, signal, sys, traceback
from pathlib import Path
from pte_foundry.client.catalogue import open_catalogue
from pte_foundry.client.retrying import Retrying

location, folder = sys.argv[1:]
if os.geteuid() == 0:
    os.setuid(65534)
# Late imports are not steps.
cache = os.path.join(folder, "warm")

def fetch():
    catalogue = open_catalogue(location, cache=Path(cache), retrying=Retrying(sleep=lambda _: None))
    return catalogue.fetch(catalogue.best("mobilenet_v3_small", "linux"))

expected = fetch().read_bytes()

def killed(step):
    left = [step]
    def count(event, arguments):
        if event == "open" or event.startswith(("os.", "shutil.")):
            if any(isinstance(each, (str, os.PathLike)) and str(each).startswith(cache) for each in arguments):
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
    child = os.fork()
    if not child:
        try:
            sys.addaudithook(count)
            fetch()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), status
    return status != 0

step = 0
while True:
    cache = os.path.join(folder, str(step))
    if not killed(step):
        break
    for _ in range(2):
        path = fetch()
        assert path.read_bytes() == expected, step
        assert path.lstat().st_mode & 0o777 == 0o444, step
    assert list(Path(cache, "partial").iterdir()) == [], step
    shutil.rmtree(cache)
    step += 1
print(step)
"""


@pytest.fixture()
def shared() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


def steps(location: str, folder: Path) -> int:
    """How many places a fetch was killed at, each followed by one that went well."""
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM, location, str(folder)],
        env={"PYTHONPATH": os.pathsep.join(sys.path), "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


def test_a_fetch_from_a_folder_is_killed_at_every_step(shared: Path) -> None:
    tree = write_tree(shared / "tree")
    (shared / "caches").mkdir(mode=0o777)
    (shared / "caches").chmod(0o777)
    assert steps(str(tree), shared / "caches") >= FEWEST_STEPS


def test_a_fetch_from_a_server_is_killed_at_every_step(shared: Path) -> None:
    tree = write_tree(shared / "tree")
    with serve(tree_files(tree)) as server:
        assert steps(server.url(), shared) >= FEWEST_STEPS
