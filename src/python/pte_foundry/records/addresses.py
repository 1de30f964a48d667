"""Which addresses a client of a published tree follows (standard library only)."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, unquote, urlsplit

_LONGEST = 8_000
# What no path can follow, and what a URL has to escape.
_NO_FOLDER = re.compile(r"[?#\"<>]")
# RFC 1123, section 2.1, with the underscore that some names in use have. Names in other scripts have to be written in
# ASCII, where names that look alike differ.
_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*",
    re.ASCII,
)


def address_problem(url: str) -> str | None:
    """What is wrong with an address, as words that follow "it"; None for one that a client follows.

    It has to be https, or http to this very machine, which nobody can intercept. A user name or password, a
    backslash, an unprintable character, a malformed host, and a `..` in its path, percent-encoded or not, are
    refused.
    """
    if len(url) > _LONGEST:
        return f"has more than {_LONGEST} characters"
    if not url.isprintable() or " " in url or "\\" in url:
        return "has a backslash, a space or an unprintable character"
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # Raises ValueError if it is not a number.
    except ValueError as error:
        return f"is not a URL ({error})"
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        return "is not https"
    if parts.username is not None or parts.password is not None:
        return "carries a user or a password"
    if not _is_host(parts):
        return "has no host of letters, digits, `-` and `.` (other scripts: as `xn--…`)"
    path = unquote(parts.path)
    if ".." in path.replace("\\", "/").split("/"):
        return "has `..` in its path"
    return None


def base_url_problem(base_url: str) -> str | None:
    """What is wrong with the base URL of an index; None for `.`, and for one that clients follow."""
    if base_url == ".":
        return None
    if _NO_FOLDER.search(base_url):
        return "has a query, a fragment or a character that a URL escapes"
    return address_problem(base_url)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_host(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if "[" not in parts.netloc:
        return _HOST.fullmatch(host) is not None
    try:
        return ipaddress.IPv6Address(host).scope_id is None
    except ValueError:
        return False
