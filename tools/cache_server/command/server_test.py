from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from cache_server.command.address import Address, accepts_connections
from cache_server.command.binary import find_casd
from cache_server.command.free_port import free_port
from cache_server.command.server import check_quota, running_server
from workspace.errors import ToolError


def test_the_server_listens_until_the_end_and_keeps_its_folder(tmp_path: Path) -> None:
    address = Address("127.0.0.1", free_port())
    folder = tmp_path / "a" / "cache"
    with running_server(find_casd(), folder, address, "1G") as child:
        assert accepts_connections(address)
    assert child.returncode is not None
    assert not accepts_connections(address)
    assert (folder / "cas").is_dir()


def test_a_taken_port_is_an_error_before_anything_runs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        with (
            pytest.raises(ToolError, match="taken"),
            running_server(find_casd(), tmp_path / "cache", address, "1G"),
        ):
            pass
    assert not (tmp_path / "cache").exists()


def test_a_server_that_ends_at_once_is_an_error(tmp_path: Path) -> None:
    program = tmp_path / "casd"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o700)
    with (
        pytest.raises(ToolError, match="exit code 3"),
        running_server(program, tmp_path / "cache", Address("127.0.0.1", free_port()), "1G"),
    ):
        pass


def test_a_server_that_does_not_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cache_server.command.server._STOP_SECONDS", 0.5)
    address = Address("127.0.0.1", free_port())
    program = tmp_path / "casd"
    program.write_text(
        "#!/usr/bin/env python3\nimport signal, socket, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"server = socket.create_server(('127.0.0.1', {address.port}))\n"
        "time.sleep(60)\n"
    )
    program.chmod(0o700)
    with running_server(program, tmp_path / "cache", address, "1G") as child:
        pass
    assert child.returncode == -9


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with (
        pytest.raises(ToolError, match="--folder"),
        running_server(find_casd(), tmp_path / "x", Address("127.0.0.1", free_port()), "1G"),
    ):
        pass


def test_a_folder_below_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ToolError, match="--folder"),
        running_server(find_casd(), tmp_path / "file/x", Address("127.0.0.1", free_port()), "1G"),
    ):
        pass


@pytest.mark.parametrize("quota", ["", "G", "20", "0G", "-1G", "20GB", "1.5G", "20G "])
def test_a_quota_that_is_not_a_size_is_refused(quota: str) -> None:
    with pytest.raises(ToolError, match="--quota"):
        check_quota(quota)
