"""A machine that writes to a cache and one that reads from it, over a connection that a test can disturb."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import count

from end_to_end.clone import PantsOutcome
from remote_cache.machines import PROGRAM, StandInMachine
from remote_cache.relay import Relay
from remote_cache.server import Server

_NUMBERS = count(1)


@dataclass(frozen=True)
class Pair:
    """Only the reader connects through the relay."""

    server: Server
    relay: Relay
    writer: StandInMachine
    reader: StandInMachine

    def write(self, megabytes: float = 0.0) -> bytes:
        """Let the writer build a new program, which the reader will want; returns its bytes."""
        self.relay.change(self.server.address)
        number = next(_NUMBERS)
        for machine in (self.writer, self.reader):
            machine.set_variant(number, megabytes)
        outcome = self.writer.package()
        assert outcome.exit_code == 0, outcome.output
        assert outcome.exports == [PROGRAM]
        pte = self.writer.pte()
        assert pte is not None
        return pte


def assert_taken_from_the_cache(pair: Pair, right: bytes, outcome: PantsOutcome) -> None:
    assert outcome.exit_code == 0, outcome.output
    assert outcome.exports == []
    assert pair.reader.pte() == right


def assert_built_here(pair: Pair, right: bytes, outcome: PantsOutcome) -> None:
    """The reader built it, with the bytes of the writer."""
    assert outcome.exit_code == 0, outcome.output
    assert outcome.exports == [PROGRAM]
    assert pair.reader.pte() == right


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
