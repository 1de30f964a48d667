"""Which addresses the client may talk to."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote, urljoin, urlsplit

from pte_foundry.client.errors import InsecureAddressError

_HIDDEN = re.compile(r"[\x00-\x20\x7f\\]")


def check_address(url: str, *, where: str) -> str:
    """Return `url` if it is https, or http to this very machine, and has no way out of its folder.

    Plain http to a loopback address never leaves the machine, so nobody can change it on its way.

    Raises:
        InsecureAddressError: for another scheme, a user name or password in the URL, a backslash or
            control character, or a `..` in its path, percent-encoded or not.
    """
    if _HIDDEN.search(url):
        raise _refused(url, where, "has a backslash, a blank or a control character")
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # Raises ValueError where it is no number.
    except ValueError as error:
        raise _refused(url, where, f"is no URL ({error})") from None
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        raise _refused(url, where, "is not https")
    if parts.username is not None or parts.password is not None:
        raise _refused(parts._replace(netloc=host).geturl(), where, "carries a user or a password")
    path = unquote(parts.path)
    if ".." in path.replace("\\", "/").split("/"):
        raise _refused(url, where, "has `..` in its path")
    return url


def redirected(url: str, location: str) -> str:
    """The address that a redirection of `url` leads to, if it may be followed.

    Raises:
        InsecureAddressError: as `check_address`, and for a step from https to http.
    """
    where = f"the redirection of {url}"
    target = check_address(urljoin(url, location), where=where)
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
        raise _refused(target, where, "leaves https")
    return target


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refused(url: str, where: str, why: str) -> InsecureAddressError:
    return InsecureAddressError(
        f"{where}: {url!r} {why}. Publish under an https address, and correct what names this one"
    )
