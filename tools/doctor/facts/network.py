"""Whether an address answers, asked once."""

from __future__ import annotations

import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

_Result = TypeVar("_Result")

NO_ANSWER = "no answer"
"""How a reason begins that says nothing but that time is up."""


class Pending(Generic[_Result]):
    """A call in the background."""

    def __init__(self, call: Callable[[], _Result]) -> None:
        self._result: _Result | None = None
        self._error: BaseException | None = None

        def run() -> None:
            try:
                self._result = call()
            except BaseException as error:  # For the thread that waits.
                self._error = error

        # Ends with the process: what takes too long is not waited for.
        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def wait(self, end: float) -> _Result | None:
        """The call's result; None if there is none at `end` (of `time.monotonic`). Raises what the call has raised."""
        self._thread.join(max(0.0, end - time.monotonic()))
        if self._thread.is_alive():
            return None
        if self._error is not None:
            raise self._error
        return self._result


class Network:
    """Asks all addresses at the same time, each once, and gives all of them the same time.

    A busy machine, or a slow network, is not one that has no network: what everything depends on gets PATIENCE more.
    """

    PATIENCE = 5.0

    def __init__(self, seconds: float, certificate: Path | None = None) -> None:
        """certificate: PEM file of the trusted authorities; None for the system's."""
        self.end = time.monotonic() + seconds
        self.late = self.end + self.PATIENCE
        self._seconds = seconds
        # It takes long to make.
        self._context = Pending(
            lambda: ssl.create_default_context(cafile=certificate and str(certificate))
        )
        self._asked: dict[str, Pending[str]] = {}

    def ask(self, address: str) -> None:
        """Start to ask `http:`, `https:`, `file:` or `grpc:`; the answer is for `why_not`."""
        if address not in self._asked:
            self._asked[address] = Pending(lambda: self._answer(address))

    def why_not(self, address: str) -> str:
        """Empty if something answers there, else why not."""
        return self._why_not(address, self.end, self._seconds)

    def why_not_needed(self, address: str) -> str:
        """The same, with PATIENCE."""
        return self._why_not(address, self.late, self._seconds + self.PATIENCE)

    def _why_not(self, address: str, end: float, seconds: float) -> str:
        self.ask(address)
        answer = self._asked[address].wait(end)
        return f"{NO_ANSWER} within {seconds:g} s" if answer is None else answer

    def _answer(self, address: str) -> str:
        seconds = self._seconds + self.PATIENCE
        if urlsplit(address).scheme.startswith("grpc"):
            return connects(address, seconds)
        try:
            context = self._context.wait(self.late)
        except OSError as error:
            return f"the certificates cannot be read: {error}"
        return answers(address, seconds, context)


def answers(url: str, seconds: float, context: ssl.SSLContext | None = None) -> str:
    """Empty if `url` can be read, else why not: HEAD for http and https, a look at `file:`."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        path = Path(url2pathname(parts.path))
        return "" if path.exists() else f"{path} does not exist"
    try:
        asked = urllib.request.Request(_without_login(url), method="HEAD")
        urllib.request.urlopen(asked, timeout=seconds, context=context).close()
    except urllib.error.HTTPError as error:
        # Whoever asks for a password is there.
        known = error.code in (401, 403) and parts.username
        return "" if known else f"HTTP {error.code} {error.reason}"
    except urllib.error.URLError as error:
        reason = error.reason
        return str(getattr(reason, "strerror", None) or reason)
    except (HTTPException, OSError, ValueError) as error:
        return str(error) or type(error).__name__
    return ""


def connects(address: str, seconds: float) -> str:
    """Empty if something listens at `grpc://host:port`, else why not."""
    parts = urlsplit(address)
    try:
        if parts.hostname is None or parts.port is None:
            return "is not like grpc://host:port"
        socket.create_connection((parts.hostname, parts.port), seconds).close()
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
