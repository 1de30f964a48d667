from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pins
import pytest
from environment_file import pants_settings, render
from pip_settings import PipSettings

_PIP = PipSettings(("https://i/simple",), ("file:///w",), Path("/ca.pem"), ())
_PEX = Path(f"/cache/pex-cli/v{pins.PEX_VERSION}/pex")
_FUNCTIONS = """
_pte_require() { [[ -e "$2" ]] && (($(wc -c <"$2") == $1)); }
_pte_unchanged() { [[ "$1" != *changed* ]]; }
_pte_default() { export "$1=$2"; }
"""


def _source(text: str) -> subprocess.CompletedProcess[str]:
    script = f'{_FUNCTIONS}f() {{ {text}\n}}\nf && printf "%s|%s" "$NAME" "${{pte_pants-none}}"'
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True)


def test_values_reach_the_shell_unchanged(tmp_path: Path) -> None:
    value = 'it\'s "$HOME" `id` \\ * ü'
    file = tmp_path / "a file"
    file.write_text("text")
    finished = _source(render({"NAME": value}, (file,), (), tmp_path / "a b"))
    assert finished.stdout == f"{value}|{tmp_path / 'a b'}"


@pytest.mark.parametrize("change", [Path.unlink, lambda file: file.write_text("tex")])
def test_nothing_is_exported_once_a_required_file_is_gone_or_cut_off(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    text = render({"NAME": "x"}, (file,), (), None)
    change(file)
    finished = _source(text)
    assert (finished.returncode, finished.stdout) == (1, "")


def test_nothing_is_exported_once_a_watched_file_has_changed() -> None:
    finished = _source(render({"NAME": "x"}, (), (Path("/changed"),), None))
    assert (finished.returncode, finished.stdout) == (1, "")


def test_lines_are_sorted() -> None:
    assert (
        render({"B": "1", "A": "2"}, (), (), None) == "_pte_default A 2\n_pte_default B 1\n# end\n"
    )


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
