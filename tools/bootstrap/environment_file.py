"""The result of the preparation: a file that bash sources, with the PANTS_* variables of this machine."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from pins import PEX_CLI_PLATFORMS, PEX_CLI_SHA256, PEX_CLI_SIZE, PEX_VERSION
from pip_settings import PipSettings

# The last line. A file without it was truncated, and is not sourced.
END = "# end"


def pants_settings(
    pip: PipSettings, pex_cli: Path, wheels: Path | None, interpreters: tuple[Path, ...]
) -> dict[str, str]:
    """Variable name -> value, for variables that the user has not set.

    Args:
        pex_cli: `<folder>/v<version>/pex`.
        wheels: folder of fetched wheels, added to find-links.
        interpreters: executables that Pants must find whatever PATH is, in this order.
    """
    links = [*pip.find_links, *([wheels.as_uri()] if wheels is not None else [])]
    version = f"v{PEX_VERSION}"
    known = [f"{version}|{name}|{PEX_CLI_SHA256}|{PEX_CLI_SIZE}" for name in PEX_CLI_PLATFORMS]
    folders = list(dict.fromkeys(str(path.parent) for path in interpreters))
    settings = {
        # Pants would warn that it was not started by scie-pants.
        "NO_SCIE_WARNING": "1",
        "PANTS_PEX_CLI_KNOWN_VERSIONS": json.dumps(known),
        # Pants wants `file:` and an absolute path; `file://host/...` is refused.
        "PANTS_PEX_CLI_URL_TEMPLATE": f"file:{pex_cli.parent.parent}/{{version}}/pex",
        "PANTS_PEX_CLI_VERSION": version,
        "PANTS_PYTHON_BOOTSTRAP_SEARCH_PATH": json.dumps([*folders, "<PYENV>", "<PATH>"]),
        "PANTS_PYTHON_REPOS_FIND_LINKS": json.dumps(links),
        "PANTS_PYTHON_REPOS_INDEXES": json.dumps(list(pip.indexes)),
    }
    if pip.certificate is not None:
        settings["PANTS_CA_CERTS_PATH"] = str(pip.certificate)
    return settings


def render(
    settings: Mapping[str, str],
    requires: tuple[Path, ...],
    watched: tuple[Path, ...],
    pants: Path | None,
) -> str:
    """The file's text. `.pants.bootstrap` defines the functions that it calls.

    Args:
        settings: environment variables, exported unless the user has set them.
        requires: existing files. If one is missing or has another size, the preparation runs again.
        watched: files (of pip's configuration) whose creation or change does the same.
        pants: the pants program, for `./pants` alone.
    """
    lines = []
    for path in requires:
        run = " run" if os.access(path, os.X_OK) else ""
        lines.append(
            f"_pte_require {path.stat().st_size} {shlex.quote(str(path))}{run} || return 1"
        )
    lines += [f"_pte_unchanged {shlex.quote(str(path))} || return 1" for path in watched]
    lines += [
        f"_pte_default {name} {shlex.quote(value)}" for name, value in sorted(settings.items())
    ]
    if pants is not None:
        lines.append(f"pte_pants={shlex.quote(str(pants))}")
    return "\n".join([*lines, END]) + "\n"
