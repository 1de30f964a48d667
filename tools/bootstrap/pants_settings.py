"""The PANTS_* variables that carry this machine's package sources, tools and interpreters."""

from __future__ import annotations

import json
from pathlib import Path

from pins import PEX_CLI_PLATFORMS, PEX_CLI_SHA256, PEX_CLI_SIZE, PEX_VERSION
from pip_settings import PipSettings


def pants_settings(
    pip: PipSettings, pex_cli: Path, wheels: Path | None, interpreters: tuple[Path, ...]
) -> dict[str, str]:
    """Variable name -> value, for variables that the user has not set.

    Args:
        pex_cli: `<folder>/v<version>/pex`.
        wheels: folder of fetched wheels, added to find-links; None when there is none.
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
