from __future__ import annotations

import json
from pathlib import Path

import pins
from pants_settings import pants_settings
from pip_settings import PipSettings

_PIP = PipSettings(("https://i/simple",), ("file:///w",), Path("/ca.pem"), ())
_PEX = Path(f"/cache/pex-cli/v{pins.PEX_VERSION}/pex")


def test_every_variable() -> None:
    settings = pants_settings(_PIP, _PEX, Path("/cache/wheels"), (Path("/a/python"), Path("/b/p")))
    pin = f"{pins.PEX_CLI_SHA256}|{pins.PEX_CLI_SIZE}"
    known = json.loads(settings.pop("PANTS_PEX_CLI_KNOWN_VERSIONS"))
    assert f"v{pins.PEX_VERSION}|linux_x86_64|{pin}" in known
    assert len(known) == 4
    assert settings == {
        "NO_SCIE_WARNING": "1",
        "PANTS_CA_CERTS_PATH": "/ca.pem",
        "PANTS_PEX_CLI_URL_TEMPLATE": "file:/cache/pex-cli/{version}/pex",
        "PANTS_PEX_CLI_VERSION": f"v{pins.PEX_VERSION}",
        "PANTS_PYTHON_BOOTSTRAP_SEARCH_PATH": '["/a", "/b", "<PYENV>", "<PATH>"]',
        "PANTS_PYTHON_REPOS_FIND_LINKS": '["file:///w", "file:///cache/wheels"]',
        "PANTS_PYTHON_REPOS_INDEXES": '["https://i/simple"]',
    }


def test_the_url_template_leads_to_the_pex() -> None:
    template = pants_settings(_PIP, _PEX, None, ())["PANTS_PEX_CLI_URL_TEMPLATE"]
    assert template.format(version=f"v{pins.PEX_VERSION}") == f"file:{_PEX}"


def test_without_certificate_and_wheels() -> None:
    settings = pants_settings(PipSettings((), (), None, ()), _PEX, None, ())
    assert "PANTS_CA_CERTS_PATH" not in settings
    assert settings["PANTS_PYTHON_REPOS_FIND_LINKS"] == "[]"
    assert settings["PANTS_PYTHON_REPOS_INDEXES"] == "[]"
