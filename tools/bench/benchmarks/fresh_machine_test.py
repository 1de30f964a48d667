from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.benchmarks import fresh_machine
from bench.benchmarks.stand_in_repository import stand_in_setting
from workspace.errors import ToolError

SERVER = """\
#!/usr/bin/env python3
import socket, sys
host, _, port = sys.argv[2].removeprefix("--bind=").rpartition(":")
listener = socket.create_server((host, int(port)))
while True:
    listener.accept()
"""
# Exports what the cache lacks; the cache is a folder beside the clones.
LAUNCHER = """\
case "$*" in
  *tools/foundry*) mkdir -p dist/tools.foundry; cp server dist/tools.foundry/foundry.pex
    chmod +x dist/tools.foundry/foundry.pex ;;
  *) echo "$PANTS_REMOTE_STORE_ADDRESS $*" >> LOG
    if [ -e ../entry ]; then cp ../entry dist/a.pte; else sleep 0.2; exported; echo bytes > dist/a.pte; ENTRY; fi ;;
esac
"""


def launcher(log: Path, entry: str = "cp dist/a.pte ../entry") -> str:
    return "mkdir -p dist\n" + LAUNCHER.replace("LOG", str(log)).replace("ENTRY", entry)


def test_the_second_machine_takes_from_the_server_what_the_first_wrote(tmp_path: Path) -> None:
    log = tmp_path / "log"
    setting = stand_in_setting(tmp_path, launcher(log), {"server": SERVER})
    ratio, exports, files = fresh_machine.run(replace(setting, programs=("models/a:b",)))
    assert 0 < ratio.value < 1
    assert (exports.value, files.value) == (0, 0)
    first, second = log.read_text().splitlines()
    assert first.split()[0] == second.split()[0]
    assert first.startswith("grpc://127.0.0.1:")
    assert first.endswith(" --remote-cache-write package models/a:b")
    assert second.endswith(" package models/a:b")
    assert "--remote-cache-write" not in second
    # It would win over its opposite.
    assert "--no-remote-cache" not in first + second


def test_what_is_not_in_the_cache_is_counted(tmp_path: Path) -> None:
    setting = stand_in_setting(tmp_path, launcher(tmp_path / "log", "true"), {"server": SERVER})
    _, exports, _ = fresh_machine.run(setting)
    assert (exports.value, exports.met) == (1, False)


def test_a_server_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    setting = stand_in_setting(tmp_path, launcher(tmp_path / "log"), {"server": "#!/bin/false\n"})
    with pytest.raises(ToolError, match="the cache server did not start"):
        fresh_machine.run(setting)
