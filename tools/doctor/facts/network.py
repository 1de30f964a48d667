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


class Pending(Generic[_Result]):
    """A call in the background: `wait` gives its result, or None if that takes too long."""

    def __init__(self, call: Callable[[], _Result], end: float) -> None:
        self._end = end
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

    def wait(self) -> _Result | None:
        """Raises what the call has raised."""
        self._thread.join(max(0.0, self._end - time.monotonic()))
        if self._thread.is_alive():
            return None
        if self._error is not None:
            raise self._error
        return self._result


class Network:
    """Asks all addresses at the same time, each once, and waits for none of them longer than `seconds` in all."""

    def __init__(self, seconds: float, certificate: Path | None = None) -> None:
        """certificate: PEM file of the trusted authorities; None for the system's."""
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._certificate = certificate
        self._asked: dict[str, Pending[str]] = {}

    def later(self, call: Callable[[], _Result]) -> Pending[_Result]:
        """Anything else that has to be ready in the same time."""
        return Pending(call, self._end)

    def ask(self, address: str) -> None:
        """Start to ask `http:`, `https:`, `file:` or `grpc:`; the answer is for `why_not`."""
        if address not in self._asked:
            self._asked[address] = self.later(lambda: self._answer(address))

    def why_not(self, address: str) -> str:
        """Empty if something answers there, else why not."""
        self.ask(address)
        answer = self._asked[address].wait()
        return f"no answer within {self._seconds:g} s" if answer is None else answer

    def _answer(self, address: str) -> str:
        if urlsplit(address).scheme.startswith("grpc"):
            return connects(address, self._seconds)
        return answers(address, self._seconds, self._certificate)


def answers(url: str, seconds: float, certificate: Path | None = None) -> str:
    """Empty if `url` can be read, else why not: HEAD for http and https, a look at `file:`."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        path = Path(url2pathname(parts.path))
        return "" if path.exists() else f"{path} does not exist"
    try:
        context = ssl.create_default_context(
            cafile=None if certificate is None else str(certificate)
        )
        asked = urllib.request.Request(_without_login(url), method="HEAD")
        urllib.request.urlopen(asked, timeout=seconds, context=context).close()
    except urllib.error.HTTPError as error:
        # Whoever asks for a password is there.
        return (
            ""
            if error.code in (401, 403) and parts.username
            else f"HTTP {error.code} {error.reason}"
        )
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
