"""Processes that are killed, and processes that want the same file at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pte_foundry.client.catalogue import Catalogue, open_catalogue
from pte_foundry.testing.faulty_server import FaultyServer, stalled
from pte_foundry.testing.published_tree import FAMILY, MODEL, VERSION, program_bytes

NAME = f"{MODEL}_xnnpack.pte"
PATH = f"/models/{VERSION}/{FAMILY}/{NAME}"
SENT = 400_000
KEPT = 262_144  # Of SENT bytes: one whole block.

_FETCH = f"""
import sys
from pathlib import Path
from pte_foundry.client.catalogue import open_catalogue
catalogue = open_catalogue(sys.argv[1], cache=Path(sys.argv[2]))
print("begins", flush=True)
print(catalogue.fetch(catalogue.best({MODEL!r}, "linux")))
"""


@contextmanager
def fetching(server: FaultyServer, cache: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, just about to fetch."""
    with subprocess.Popen(
        [sys.executable, "-c", _FETCH, server.url("/models"), str(cache)],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begins\n"
            yield process
        finally:
            process.kill()


def opened(server: FaultyServer, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    return open_catalogue(server.url("/models"), cache=cache)


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def kept(cache: Path) -> int:
    """Bytes of the file that have arrived."""
    files = [each for each in cache.glob("partial/*") if each.suffix != ".json"]
    return sum(each.stat().st_size for each in files)


def test_the_next_call_resumes_the_download_of_a_killed_process(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    server.fail(PATH, stalled(SENT, threading.Event()))
    with fetching(server, cache) as process:
        assert wait_until(lambda: kept(cache) >= KEPT)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert list(cache.glob("sha256/*/*")) == []
    catalogue = opened(server, cache, monkeypatch)
    path = catalogue.fetch(catalogue.best(MODEL, "linux"))
    assert path.read_bytes() == program_bytes(NAME)
    assert [asked.range for asked in server.asked_for(PATH)] == [None, f"bytes={KEPT}-"]


def test_two_processes_that_want_one_file_download_it_once(
    server: FaultyServer, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    go_on = threading.Event()
    server.fail(PATH, stalled(SENT, go_on))
    with fetching(server, cache) as first:
        assert wait_until(lambda: kept(cache) >= KEPT)
        with fetching(server, cache) as second:
            # Time for a second request, which must not come.
            wait_until(lambda: len(server.asked_for(PATH)) > 1, seconds=0.5)
            go_on.set()
            results = [process.communicate() for process in (first, second)]
    assert results[0] == results[1]
    path, errors = results[0]
    assert errors == ""
    assert Path(path.strip()).read_bytes() == program_bytes(NAME)
    assert len(server.asked_for(PATH)) == 1


def test_a_waiting_process_resumes_the_download_of_a_killed_one(
    server: FaultyServer, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    server.fail(PATH, stalled(SENT, threading.Event()))
    with fetching(server, cache) as first:
        assert wait_until(lambda: kept(cache) >= KEPT)
        with fetching(server, cache) as second:
            first.send_signal(signal.SIGKILL)
            path, errors = second.communicate()
    assert errors == ""
    assert Path(path.strip()).read_bytes() == program_bytes(NAME)
    assert [asked.range for asked in server.asked_for(PATH)] == [None, f"bytes={KEPT}-"]
