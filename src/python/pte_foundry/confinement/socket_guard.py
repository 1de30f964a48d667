"""Deny Python code the network, with a message that says what to do instead.

It sees only Python's sockets, not those of C++ and other processes, which a namespace stops. Without it,
an export would silently use the network on a machine without namespaces, and fail with an unhelpful
"Network is unreachable" on others.
"""

from __future__ import annotations

import socket
import sys

from pte_foundry.errors import PteError

# Audit events of CPython 3.11 (docs.python.org/3.11/library/audit_events.html).
_CREATED = "socket.__new__"
_REFUSED = frozenset(
    {
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyaddr",
        "socket.gethostbyname",
        "socket.getnameinfo",
        "socket.sendto",
    }
)
# A pair of sockets connects two processes of the same export; -1 is a socket that exists already.
_ALLOWED_FAMILIES = (int(socket.AF_UNIX), -1)


def install_socket_guard() -> None:
    """Raise PteError `network-access` from now on for any use of the network in this process."""
    sys.addaudithook(_guard)


def _guard(event: str, arguments: tuple[object, ...]) -> None:
    # Also called for each import and opened file: the cheap test first.
    if not event.startswith("socket."):
        return
    if event == _CREATED:
        family = arguments[1]
        if isinstance(family, int) and int(family) not in _ALLOWED_FAMILIES:
            raise _error(f"a socket of the family {_family_name(family)}")
    elif event in _REFUSED:
        wanted = " ".join(str(one) for one in arguments if isinstance(one, (str, tuple)))
        raise _error(f"{event.removeprefix('socket.')} {wanted}".strip())


def _family_name(number: int) -> str:
    try:
        return socket.AddressFamily(number).name
    except ValueError:
        return str(number)


def _error(what: str) -> PteError:
    return PteError(
        "network-access",
        f"the code asked for the network ({what}), and exports and validations have none. Declare what "
        "it needs: a checkpoint as `model_weights`, a package in a lockfile, a file beside the builder "
        "as its dependency",
    )
