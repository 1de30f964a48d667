from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pte_foundry.fetching import main as fetching
from pte_foundry.fetching.download import url_opener
from pte_foundry.records.fetch_request import FetchOutcome, FetchRequest
from pte_foundry.testing import faulty_server
from pte_foundry.testing.faulty_server import FaultyServer, cut, status

DATA = bytes(range(256)) * 8000
SHA256 = hashlib.sha256(DATA).hexdigest()
OTHER = DATA[::-1]
PATH = "/a.pth"


@pytest.fixture()
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with faulty_server.serve({PATH: DATA}) as running:
        yield running


def fetch(
    tmp_path: Path, *urls: str, stages: list[str] | None = None, size: int | None = len(DATA)
) -> FetchOutcome:
    request = FetchRequest("a.pth", SHA256, size, urls)
    begin = ([] if stages is None else stages).append
    return fetching.fetch(request, tmp_path / "kept", tmp_path / "out", url_opener(None), begin)


def left(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "kept").iterdir())


def test_the_first_address_that_has_it(server: FaultyServer, tmp_path: Path) -> None:
    server.files["/other.pth"] = OTHER
    urls = [server.url(path) for path in ("/missing", "/other.pth", PATH, "/never")]
    outcome = fetch(tmp_path, *urls)
    actual = hashlib.sha256(OTHER).hexdigest()
    assert outcome == FetchOutcome(
        True,
        (
            f"{urls[0]}: HTTP 404 Not Found",
            f"{urls[1]}: has sha256 {actual} and {len(DATA)} bytes, expected {SHA256} and {len(DATA)} bytes",
        ),
    )
    assert (tmp_path / "out").read_bytes() == DATA
    assert server.asked_for("/never") == []
    # Nothing is on disk twice.
    assert left(tmp_path) == [f"{SHA256}.lock"]


def test_none_has_it(server: FaultyServer, tmp_path: Path) -> None:
    outcome = fetch(tmp_path, server.url("/missing"), "file:/nonexistent/a.pth")
    assert not outcome.fetched
    assert outcome.reasons[1] == "file:/nonexistent/a.pth: No such file or directory"
    assert not (tmp_path / "out").exists()


def test_what_has_arrived_is_used_by_the_next_process(server: FaultyServer, tmp_path: Path) -> None:
    server.fail(PATH, cut(1_500_000), status(404))
    assert not fetch(tmp_path, server.url(PATH)).fetched
    assert fetch(tmp_path, server.url(PATH)).fetched
    assert (tmp_path / "out").read_bytes() == DATA
    assert server.asked_for(PATH)[-1].range == "bytes=1500000-"


def test_parts_of_two_files_are_fetched_again_as_one(server: FaultyServer, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / SHA256).write_bytes(OTHER[:100])
    assert fetch(tmp_path, server.url(PATH)) == FetchOutcome(True, ())
    assert [asked.range for asked in server.asked] == ["bytes=100-", None]
    assert (tmp_path / "out").read_bytes() == DATA


def test_a_complete_file_is_not_asked_for(server: FaultyServer, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / SHA256).write_bytes(DATA)
    assert fetch(tmp_path, server.url(PATH)).fetched
    assert server.asked == []


def test_stages_say_how_far_it_is(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_SECONDS_BETWEEN_STAGES", 0.0)
    stages: list[str] = []
    fetch(tmp_path, server.url(PATH), stages=stages)
    assert stages[0] == "fetching a.pth (2 MB) from 127.0.0.1"
    assert "fetching a.pth: 1 of 2 MB (51 %)" in stages
    assert stages[-1] == "fetching a.pth: 2 of 2 MB (100 %)"


def test_a_file_whose_size_is_not_known(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_SECONDS_BETWEEN_STAGES", 0.0)
    server.files["/other.pth"] = OTHER[:-1]
    stages: list[str] = []
    urls = (server.url("/other.pth"), server.url(PATH))
    outcome = fetch(tmp_path, *urls, stages=stages, size=None)
    actual = hashlib.sha256(OTHER[:-1]).hexdigest()
    wrong = f"{urls[0]}: has sha256 {actual} and {len(DATA) - 1} bytes, expected {SHA256}"
    assert outcome == FetchOutcome(True, (wrong,))
    assert (tmp_path / "out").read_bytes() == DATA
    assert stages[0] == "fetching a.pth from 127.0.0.1"
    assert stages[-1] == "fetching a.pth: 2 of 2 MB (100 %)"


def test_another_process_that_fetches_it_is_waited_for(
    server: FaultyServer, tmp_path: Path
) -> None:
    (tmp_path / "kept").mkdir()
    request = FetchRequest("a.pth", SHA256, len(DATA), (server.url(PATH),))
    (tmp_path / "request.json").write_text(json.dumps(request.to_json()))
    with (tmp_path / "kept" / f"{SHA256}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = run(tmp_path)
        assert process.stderr is not None
        assert process.stderr.readline() == "stage: waiting for another build that fetches a.pth\n"
        assert server.asked == []
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert (tmp_path / "out").read_bytes() == DATA


def run(folder: Path) -> subprocess.Popen[str]:
    """As the plugin does it: in an interpreter without packages."""
    module = sys.modules[fetching.__name__].__file__
    assert module is not None
    sources = Path(module).parents[2]
    return subprocess.Popen(
        [
            *(sys.executable, "-I", "-S", "-c"),
            f"import runpy, sys; sys.path.insert(0, {str(sources)!r}); "
            f"runpy.run_module({fetching.__name__!r}, run_name='__main__', alter_sys=True)",
            *("request.json", "--kept", "kept", "--output", "out", "--outcome", "outcome.json"),
        ],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_command_line_without_any_package(server: FaultyServer, tmp_path: Path) -> None:
    request = FetchRequest("a.pth", SHA256, len(DATA), (server.url("/missing"),))
    (tmp_path / "request.json").write_text(json.dumps(request.to_json()))
    process = run(tmp_path)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    outcome = json.loads((tmp_path / "outcome.json").read_text())
    assert outcome == {
        "fetched": False,
        "reasons": [f"{server.url('/missing')}: HTTP 404 Not Found"],
    }
