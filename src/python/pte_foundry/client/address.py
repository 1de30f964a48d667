"""Which addresses the client may talk to (standard library only)."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from pte_foundry.client.errors import InsecureAddressError
from pte_foundry.records.outside_text import shown

_LONGEST = 8_000
_USER = re.compile(r"//[^/?#]*@")
# RFC 1123, section 2.1, with the underscore that some names in use have. Names in other scripts are written in ASCII:
# there, two that look alike differ.
_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*",
    re.ASCII,
)


def check_address(url: str, *, where: str) -> str:
    """Return `url` if it is https, or http to this machine, and does not leave its folder.

    Plain http to a loopback address never leaves the machine, so nobody can tamper with it.

    Raises:
        InsecureAddressError: for another scheme, a user name or password in the URL, a backslash, an unprintable
            character, a malformed host, or a `..` in its path, percent-encoded or not.
    """
    if len(url) > _LONGEST:
        raise _refused(url, where, f"has more than {_LONGEST} characters")
    if not url.isprintable() or " " in url or "\\" in url:
        raise _refused(url, where, "has a backslash, a blank or an unprintable character")
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # Raises ValueError unless it is a number.
    except ValueError as error:
        raise _refused(url, where, f"is not a URL ({error})") from None
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        raise _refused(url, where, "is not https")
    if parts.username is not None or parts.password is not None:
        raise _refused(url, where, "carries a user or a password")
    if not _is_host(parts):
        raise _refused(
            url, where, "has no host of letters, digits, `-` and `.` (other scripts: as `xn--…`)"
        )
    path = unquote(parts.path)
    if ".." in path.replace("\\", "/").split("/"):
        raise _refused(url, where, "has `..` in its path")
    return url


def redirected(url: str, location: str) -> str:
    """The target of a redirection of `url`, if it may be followed.

    Raises:
        InsecureAddressError: as `check_address`, and for a step from https to http.
    """
    where = f"the redirection of {url}"
    try:
        joined = urljoin(url, location)
    except ValueError as error:
        raise _refused(location, where, f"is not a URL ({error})") from None
    target = check_address(joined, where=where)
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
        raise _refused(target, where, "leaves https")
    return target


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a checked address (RFC 6454, section 4): credentials stay within one origin."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, parts.hostname or "", port


def without_user(url: str) -> str:
    """The URL without a user and a password, for messages."""
    return _USER.sub("//", url)


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


def _refused(url: str, where: str, why: str) -> InsecureAddressError:
    return InsecureAddressError(
        f"{without_user(where)}: {shown(without_user(url))} {why}. Publish under an https address, and "
        "correct what names this one"
    )
