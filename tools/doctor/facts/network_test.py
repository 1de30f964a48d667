from __future__ import annotations

from pathlib import Path

from doctor.facts.network import answers, connects
from pte_foundry.testing.faulty_server import direct_session, serve


def test_http() -> None:
    with serve({}) as server:
        # The server knows GET alone: any answer but a good one is told.
        assert answers(server.url("/a"), direct_session()).startswith("HTTP 501")
    why = answers("http://127.0.0.1:1/a", direct_session())
    assert "refused" in why
    assert "127.0.0.1" not in why


def test_files(tmp_path: Path) -> None:
    assert answers(tmp_path.as_uri()) == ""
    assert answers((tmp_path / "absent").as_uri()) == f"{tmp_path / 'absent'} does not exist"


def test_servers() -> None:
    with serve({}) as server:
        assert connects(f"grpc://127.0.0.1:{server.server_port}") == ""
    assert "refused" in connects("grpc://127.0.0.1:1")
    assert connects("somewhere") == "is not like grpc://host:port"
    assert connects("grpc://a:b") != ""
