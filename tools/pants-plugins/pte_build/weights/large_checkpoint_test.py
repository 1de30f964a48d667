"""A checkpoint of more than a gigabyte reaches the store, by the real library, without filling memory."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.test_support import make_runner, set_options
from pte_build.weights.fetching import FetchWeights
from pte_build.weights.presence import InStore, InStoreRequest, PresentWeights
from pte_build.weights.resolution import ResolvedWeights
from pte_build.weights.sizes import CheckpointSize, CheckpointSizeRequest

SIZE = 1_200_000_000
CUT = 700_000_000
BLOCK = bytes(1 << 20)
ADDRESS = Address("models/alpha", target_name="alpha_weights")
# Of this process, which is Pants, and of the one that downloads. The file has twelve times as much.
MOST_MEMORY = 100_000_000
LIBRARY = Path("src/python/pte_foundry")


class Host(BaseHTTPRequestHandler):
    """Has a file of zeros. The second connection, the first that is read, breaks."""

    protocol_version = "HTTP/1.1"
    asked: list[str | None] = []

    def do_GET(self) -> None:
        self.asked.append(self.headers["Range"])
        start = int(re.sub(r"bytes=(\d+)-", r"\1", self.headers["Range"] or "0"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(SIZE - start))
        self.send_header("ETag", '"zeros"')
        if start:
            self.send_header("Content-Range", f"bytes {start}-{SIZE - 1}/{SIZE}")
        self.end_headers()
        end = CUT if len(self.asked) == 2 else SIZE
        try:
            for position in range(start, end, len(BLOCK)):
                self.wfile.write(BLOCK[: end - position])
        except ConnectionError:  # Who has read enough hangs up.
            pass
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture()
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Host, "asked", [])
    with ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/a.pth"
        server.shutdown()
        thread.join()


@pytest.fixture()
def runner(tmp_path: Path) -> RuleRunner:
    made = make_runner(
        store=str(tmp_path / "store"),
        named_caches=str(tmp_path / "named_caches"),
        queries=(
            QueryRule(CheckpointSize, (CheckpointSizeRequest,)),
            QueryRule(InStore, (InStoreRequest,)),
            QueryRule(PresentWeights, (FetchWeights,)),
        ),
    )
    # In place of the stand-in.
    folders = (LIBRARY, LIBRARY / "fetching", LIBRARY / "records")
    sources = [file for folder in folders for file in sorted(folder.glob("*.py"))]
    made.write_files(
        {str(file): file.read_bytes() for file in sources if not file.name.endswith("_test.py")}
    )
    set_options(
        made,
        f"--named-caches-dir={tmp_path / 'named_caches'}",
        f"--local-execution-root-dir={tmp_path}",
    )
    return made


def sha256_of_zeros() -> str:
    digest = hashlib.sha256()
    for position in range(0, SIZE, len(BLOCK)):
        digest.update(BLOCK[: SIZE - position])
    return digest.hexdigest()


def peak_memory(process: str = "self") -> int:
    """Bytes; of this process, since `reset_peak`. 0 if there is no such process any more."""
    try:
        status = Path("/proc", process, "status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return 0 if found is None else int(found[1]) * 1024


def reset_peak() -> int:
    """The bytes of this process now."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_memory()


def memory_of_downloads() -> int:
    """Bytes of the largest process that fetches a checkpoint."""
    peaks = [0]
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = command.read_bytes().split(b"\0")
        except OSError:  # It has ended since.
            continue
        if b"pte_foundry.fetching.main" in arguments:
            peaks.append(peak_memory(command.parent.name))
    return max(peaks)


def on_disk(folder: Path) -> int:
    """Bytes of the large files below; one with several names counts once."""
    blocks = {}
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # It is gone since.
                state = os.lstat(os.path.join(path, name))
                blocks[state.st_ino] = 512 * state.st_blocks
    return sum(size for size in blocks.values() if size > len(BLOCK))


@dataclass
class Peaks:
    """Bytes: of memory of a process that downloads, and of disk."""

    memory: int = 0
    disk: int = 0
    looks: int = 0


@contextmanager
def watched(folder: Path) -> Iterator[Peaks]:
    """What is seen now and then, until the end of the block."""
    seen = Peaks()
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.05):
            seen.memory = max(seen.memory, memory_of_downloads())
            seen.disk = max(seen.disk, on_disk(folder))
            seen.looks += 1

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def test_memory_stays_flat_and_nothing_is_on_disk_three_times(
    runner: RuleRunner, url: str, tmp_path: Path
) -> None:
    sha256 = sha256_of_zeros()
    before = reset_peak()
    with watched(tmp_path) as peaks:
        learned = runner.request(
            CheckpointSize, [CheckpointSizeRequest(ADDRESS, "a.pth", sha256, (url,))]
        )
        assert learned.size == SIZE
        weights = ResolvedWeights(
            ADDRESS, "official", "a.pth", "MIT", None, sha256, SIZE, urls=(url,)
        )
        runner.request(PresentWeights, [FetchWeights(weights)])
        assert runner.request(InStore, [InStoreRequest(weights)]).present
    # The size, the first part, the rest; and nothing again.
    assert Host.asked == [None, None, f"bytes={CUT}-"]
    assert peak_memory() - before < MOST_MEMORY
    assert peaks.looks > 20
    assert 0 < peaks.memory < MOST_MEMORY
    assert SIZE < peaks.disk < 2.1 * SIZE
