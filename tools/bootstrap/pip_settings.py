"""The package sources and certificates of pip's configuration, read through pip itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from messages import PreparationError
from pip_command import run_pip

PYPI = "https://pypi.org/simple/"
# `pip install` and `pip download` obey [global], then their own section, then the environment.
_SECTIONS = ("global", "install", ":env:")
_CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_NOT_TRANSLATED = ("client-cert", "proxy", "trusted-host")
_TRUE = ("1", "y", "yes", "t", "true", "on")
_CONFIG_FILE = re.compile(r"^\s+(/.*), exists: (True|False)$", re.MULTILINE)


@dataclass(frozen=True)
class PipSettings:
    """The sources of packages.

    Attributes:
        indexes: URLs, most important first; empty with `no-index`.
        find_links: `http(s)://` and `file:///` URLs.
        certificate: PEM file of the trusted authorities, or None.
        ignored: settings that are not passed on to Pants, e.g. "proxy".
    """

    indexes: tuple[str, ...]
    find_links: tuple[str, ...]
    certificate: Path | None
    ignored: tuple[str, ...]


def read_pip_settings(
    python: Path, scratch: Path, environment: Mapping[str, str]
) -> tuple[PipSettings, tuple[Path, ...]]:
    """pip's effective settings under `python`, and its configuration files, present or not.

    Raises:
        PreparationError: pip fails, or names a certificate file that does not exist.
    """
    task = f"asking pip of {python} for its settings"
    listing = run_pip(python, ["config", "list"], scratch, environment, task)
    debug = run_pip(python, ["config", "debug"], scratch, environment, task)
    files = tuple(Path(match.group(1)) for match in _CONFIG_FILE.finditer(debug))
    return parse_settings(listing, environment), files


def parse_settings(listing: str, environment: Mapping[str, str]) -> PipSettings:
    """Settings from the output of `pip config list`: lines `section.key='value'`.

    Raises:
        PreparationError: the certificate file does not exist.
    """
    values = _effective_values(listing)
    indexes: tuple[str, ...] = ()
    if values.get("no-index", "").lower() not in _TRUE:
        extra = values.get("extra-index-url", "").split()
        indexes = tuple(dict.fromkeys([values.get("index-url", PYPI), *extra]))
    find_links = []
    ignored = [name for name in _NOT_TRANSLATED if name in values]
    for link in values.get("find-links", "").split():
        expanded = Path(link).expanduser()
        if "://" in link:
            find_links.append(link)
        elif link.startswith("file:/"):
            find_links.append("file://" + link[len("file:") :])
        elif expanded.is_absolute():
            find_links.append(expanded.as_uri())
        else:
            ignored.append(f"find-links {link} (a relative path)")
    return PipSettings(
        indexes, tuple(dict.fromkeys(find_links)), _certificate(values, environment), tuple(ignored)
    )


def _effective_values(listing: str) -> dict[str, str]:
    by_section: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in listing.splitlines():
        name, separator, literal = line.partition("=")
        section, _, key = name.partition(".")
        if separator and section in by_section:
            value = str(ast.literal_eval(literal))
            if value:  # pip ignores a key whose value is empty
                by_section[section][key] = value
    return {key: value for section in _SECTIONS for key, value in by_section[section].items()}


def _certificate(values: Mapping[str, str], environment: Mapping[str, str]) -> Path | None:
    configured = values.get("cert")
    if configured:
        path = Path(configured).expanduser()
        if not path.is_file():
            raise PreparationError(
                f"pip's setting cert={configured} names no file.\n"
                "Correct it; `pip config debug` shows where it is set."
            )
        return path.absolute()
    for variable in _CERTIFICATE_VARIABLES:
        value = environment.get(variable)
        if value and Path(value).is_file():
            return Path(value).absolute()
    return None
