"""pip's settings without pip: its configuration files and variables."""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping
from pathlib import Path

from messages import PreparationError
from pip_settings import PipSettings, parse_settings

_SECTIONS = ("global", "install")


def pip_settings(environment: Mapping[str, str], prefix: Path | None) -> PipSettings:
    """What `pip_settings.read_pip_settings` asks pip for.

    Args:
        prefix: of the Python that pip runs in, which may have a `pip.conf`; None if there is no such Python.

    Raises:
        ValueError: a file cannot be read, or names a certificate file that does not exist.
    """
    values: dict[tuple[str, str], str] = {}
    for file in _files(environment, prefix):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(file.read_text(encoding="utf-8"), str(file))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, configparser.Error) as error:
            raise ValueError(f"{file}: cannot be read: {error}\nCorrect or remove it") from error
        for section in _SECTIONS:
            if parser.has_section(section):
                for name, value in parser.items(section):
                    values[section, name.replace("_", "-")] = value
    for name, value in environment.items():
        if name.startswith("PIP_") and name not in ("PIP_CONFIG_FILE",):
            values[":env:", name[len("PIP_") :].lower().replace("_", "-")] = value
    listing = "\n".join(f"{section}.{name}={value!r}" for (section, name), value in values.items())
    try:
        return parse_settings(listing, environment)
    except PreparationError as error:
        raise ValueError(str(error)) from error


def _files(environment: Mapping[str, str], prefix: Path | None) -> Iterator[Path]:
    """From the least to the most important (https://pip.pypa.io/en/stable/topics/configuration)."""
    own = environment.get("PIP_CONFIG_FILE")
    home = Path(environment.get("HOME") or "~").expanduser()
    if own != "/dev/null":
        for folder in reversed((environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")):
            yield Path(folder) / "pip" / "pip.conf"
        yield Path("/etc/pip.conf")
        yield home / ".pip" / "pip.conf"
        yield home / "Library" / "Application Support" / "pip" / "pip.conf"
        yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
        if prefix is not None:
            yield prefix / "pip.conf"
    if own:
        yield Path(own)
