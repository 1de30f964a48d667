from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from doctor.facts.network import Network, Pending, answers, connects
from pte_foundry.testing.faulty_server import serve


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_http() -> None:
    with serve({}) as server:
        # The server knows GET alone: any answer but a good one is told.
        assert answers(server.url("/a"), 5.0).startswith("HTTP 501")
    why = answers("http://127.0.0.1:1/a", 5.0)
    assert "refused" in why
    assert "127.0.0.1" not in why


def test_files(tmp_path: Path) -> None:
    assert answers(tmp_path.as_uri(), 5.0) == ""
    assert answers((tmp_path / "absent").as_uri(), 5.0) == f"{tmp_path / 'absent'} does not exist"


def test_servers() -> None:
    with serve({}) as server:
        assert connects(f"grpc://127.0.0.1:{server.server_port}", 5.0) == ""
    assert "refused" in connects("grpc://127.0.0.1:1", 5.0)
    assert connects("somewhere", 5.0) == "is not like grpc://host:port"
    assert connects("grpc://a:b", 5.0) != ""


def test_all_are_asked_at_once_and_none_is_waited_for_longer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:  # It accepts, and never answers.
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        started = time.monotonic()
        network = Network(0.5)
        network.late = network.end + 1
        asked = [f"{url}/{number}" for number in range(8)]
        for each in asked:
            network.ask(each)
        assert {network.why_not(each) for each in asked} == {"no answer within 0.5 s"}
        assert time.monotonic() - started < 3
        # What is needed gets more time, and then it is no answer either.
        assert network.why_not_needed(asked[0]) == "no answer within 5.5 s"
        assert 1.4 < time.monotonic() - started < 5
    assert Pending(lambda: time.sleep(60)).wait(time.monotonic()) is None


def test_an_error_is_for_the_one_who_waits() -> None:
    def fail() -> None:
        raise ValueError("no")

    pending = Pending(fail)
    with pytest.raises(ValueError, match="no"):
        pending.wait(time.monotonic() + 10)
