"""Whether an address answers, asked once with a short timeout."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import requests

_SECONDS = 5.0


def answers(url: str, session: requests.Session | None = None) -> str:
    """Empty if `url` can be read, else why not: HEAD for http and https, a look at `file:`."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        path = Path(url2pathname(parts.path))
        return "" if path.exists() else f"{path} does not exist"
    try:
        with (session or requests).request(
            "HEAD", url, timeout=_SECONDS, allow_redirects=True
        ) as response:
            return "" if response.ok else f"HTTP {response.status_code} {response.reason}"
    except requests.Timeout:
        return f"no answer within {_SECONDS:.0f} s"
    except requests.RequestException as error:
        return _short(error)


def connects(address: str) -> str:
    """Empty if something listens at `grpc://host:port`, else why not."""
    parts = urlsplit(address)
    try:
        if parts.hostname is None or parts.port is None:
            return "is not like grpc://host:port"
        socket.create_connection((parts.hostname, parts.port), _SECONDS).close()
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def _short(error: BaseException) -> str:
    """The cause below the wrappers of requests and urllib3, which repeat the address."""
    while error.args and isinstance(error.args[0], BaseException):
        error = error.args[0]
    reason = getattr(error, "reason", None)
    text = str(reason or error)
    return text.rpartition(": ")[2] or type(error).__name__
