"""Exports and validations run on workers, and everybody knows their results afterwards."""

from __future__ import annotations

import re

from remote_cache.machines import PROGRAM
from remote_cache.server import Server
from remote_execution.users import RemoteUser


def test_a_program_is_exported_and_validated_there(user: RemoteUser, server: Server) -> None:
    outcome = user.assert_built_there(user.change())
    # Who did it, and what its stages took.
    told = re.search(rf"{PROGRAM}: exported in [\d.]+ s on \S+ \((.*)\)", outcome.output)
    assert told is not None, outcome.output
    assert re.fullmatch(r"starting [\d.]+, loading the model [\d.]+", told[1])
    outcome = user.machine.test()
    assert outcome.exit_code == 0, outcome.output
    assert f"{PROGRAM}_test succeeded" in outcome.output
    assert "ran in remote environment `workers`" in outcome.output
    # The worker keeps the toolchain, and nothing that an export wrote.
    assert any((server.folder / "worker/kept/pex_root").iterdir())
    # A later session knows the results.
    assert user.machine.package().exports == []
