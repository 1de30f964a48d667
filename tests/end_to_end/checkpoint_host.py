"""Servers of this machine in place of the hosts of checkpoints, and of the stores to which these redirect."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pte_foundry.testing import faulty_server
from pte_foundry.testing.faulty_server import Fault, FaultyServer, Handler, behave, status


@dataclass(frozen=True)
class CheckpointHost:
    """Gives no file itself: it redirects, as GitHub and Hugging Face do, to signed addresses of `store`.

    Each visit gets another signature, which is good for one request; the store refuses all others, like those that have
    expired. The redirection has a length and a tag of its own, which are not those of the file.
    """

    host: FaultyServer
    store: FaultyServer

    def hold(self, path: str, content: bytes, *answers: Fault) -> str:
        """The address of a file now held at `path`. The first signed requests for it get these answers."""
        stored = f"/bucket{path}"
        good: set[str] = set()
        waiting = deque(answers)

        def redirect(handler: Handler, _: bytes) -> None:
            self.host.fail(path, redirect)
            signature = secrets.token_hex(8)
            good.add(signature)
            to = self.store.url(f"{stored}?X-Expires=60&X-Signature={signature}")
            status(302, Location=to, ETag='"of-the-redirection"')(handler, b"")

        def signed(handler: Handler, whole: bytes) -> None:
            self.store.fail(stored, signed)
            signature = handler.path.rpartition("=")[2]
            if signature not in good:
                status(403)(handler, b"")
                return
            good.remove(signature)
            (waiting.popleft() if waiting else behave)(handler, whole)

        self.store.files[stored] = content
        self.store.fail(stored, signed)
        self.host.fail(path, redirect)
        return self.host.url(path)

    def ranges(self, path: str) -> list[str | None]:
        """Which parts of a file the store was asked for, in order."""
        return [
            asked.range
            for asked in self.store.asked
            if asked.path.partition("?")[0] == f"/bucket{path}"
        ]


@contextmanager
def checkpoint_host() -> Iterator[CheckpointHost]:
    """Both servers, until the end of the block."""
    with faulty_server.serve({}) as host, faulty_server.serve({}) as store:
        yield CheckpointHost(host, store)
