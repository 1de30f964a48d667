"""Where Python packages come from: indexes, folders of wheels, and torch's own wheel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from doctor.checks.finding import Finding, State

Answers = Callable[[str], str]
"""URL -> empty if something answers there, else why not."""

_REMEDY = "Correct `index-url` or `find-links` in `pip config debug`, the proxy or the certificates"


def check_package_sources(
    indexes: Sequence[str], find_links: Sequence[str], answers: Answers
) -> list[Finding]:
    """One finding for each source. One that answers is enough for none of them to be needed alone."""
    why_not = {url: answers(url) for url in (*indexes, *find_links)}
    usable = any(not why for why in why_not.values())
    findings = [
        Finding(
            f"packages from {without_password(url)}",
            State.missing if why else State.ok,
            why or "answers",
            _REMEDY if why else "",
            needed=not usable,
        )
        for url, why in why_not.items()
    ]
    if not findings:
        findings.append(Finding("packages", State.missing, "no source is set", _REMEDY, True))
    return findings


def check_torch_wheel(wheel: Path | None, size: int) -> Finding:
    """The CPU build of torch, which the launcher fetches once.

    Args:
        wheel: where the launcher keeps it; None where the package index has the CPU build itself.
        size: its pinned bytes.
    """
    subject = "torch's CPU wheel"
    if wheel is None:
        return Finding(subject, State.ok, "comes from the package index here")
    if wheel.is_file() and wheel.stat().st_size == size:
        return Finding(subject, State.ok, str(wheel))
    return Finding(
        subject,
        State.limited,
        f"{wheel} is not there yet",
        "The next `./pants` fetches it with pip; without access to PyTorch's host, put the wheel into "
        "a folder and name it in pip's `find-links`",
    )


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"
