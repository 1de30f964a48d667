"""Which addresses the client may talk to (standard library only)."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from pte_foundry.client.errors import InsecureAddressError
from pte_foundry.records.addresses import address_problem
from pte_foundry.records.outside_text import shown

_USER = re.compile(r"//[^/?#]*@")


def check_address(url: str, *, where: str) -> str:
    """Return `url` if it may be followed; otherwise raise InsecureAddressError with what `address_problem` says."""
    if (problem := address_problem(url)) is not None:
        raise _refused(url, where, problem)
    return url


def redirected(url: str, location: str) -> str:
    """The target of a redirection of `url`, if it may be followed.

    Raises:
        InsecureAddressError: as `check_address` does, and for a step from https to http.
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


def _refused(url: str, where: str, why: str) -> InsecureAddressError:
    return InsecureAddressError(
        f"{without_user(where)}: {shown(without_user(url))} {why}. Publish under an https address, and "
        "fix what refers to this one"
    )
