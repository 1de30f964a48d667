"""The two shell scripts, driven as users drive them, on a machine with fake interpreters."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from fake_machine import make_machine

_SOURCE = ". repo/.pants.bootstrap; env"


def _exported(output: str) -> dict[str, str]:
    lines = (line.partition("=") for line in output.splitlines() if "=" in line)
    return {name: value for name, _, value in lines}


def test_installs_once_and_passes_arguments_and_settings_on(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    first = machine.run()
    assert first.stdout.startswith("pants ran hello\n"), first.stderr
    assert "Installing Pants" in first.stderr
    exported = _exported(first.stdout)
    assert exported["PANTS_PYTHON_REPOS_INDEXES"] == '["https://user:secret@index/simple"]'
    assert exported["PANTS_PYTHON_REPOS_FIND_LINKS"] == f'["file://{machine.cache}/wheels"]'
    assert exported["PANTS_PYTHON_BOOTSTRAP_SEARCH_PATH"] == (
        f'["{tmp_path}/bin", "<PYENV>", "<PATH>"]'
    )
    template = exported["PANTS_PEX_CLI_URL_TEMPLATE"]
    pex = template.format(version=exported["PANTS_PEX_CLI_VERSION"])[len("file:") :]
    assert Path(pex).read_bytes() == b"pex tool"
    assert list(machine.cache.glob(".tmp-*")) == []


def test_a_warm_start_runs_no_python_and_says_nothing(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    first = machine.run()
    calls = machine.calls()
    second = machine.run()
    assert (second.stdout, second.stderr) == (first.stdout, "")
    assert machine.calls() == calls


def test_arguments_arrive_as_they_are(tmp_path: Path) -> None:
    finished = make_machine(tmp_path).run("bash", "repo/pants", "two  words", "", "*")
    assert finished.stdout.startswith("pants ran two  words  *\n")


def test_scripts_name_the_final_folder(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    machine.run()
    (pants,) = machine.cache.glob("pants-*/bin/pants")
    assert f"# {pants.parent}\n" in pants.read_text()


def test_a_password_in_the_settings_stays_with_the_owner(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    machine.run()
    (path,) = (machine.cache / "environment").iterdir()
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("options", ["", "set -euo pipefail;"])
def test_sourcing_exports_without_installing_pants(tmp_path: Path, options: str) -> None:
    machine = make_machine(tmp_path)
    finished = machine.run("bash", "-c", f"{options} {_SOURCE}; declare -F; compgen -v _pte || :")
    assert finished.returncode == 0, finished.stderr
    exported = _exported(finished.stdout)
    assert "PANTS_PEX_CLI_VERSION" in exported
    assert not [name for name in exported if name.lower().startswith(("_pte", "pte_pants"))]
    assert "_pte" not in finished.stdout
    assert list(machine.cache.glob("pants-*")) == []


def test_sourcing_does_not_need_a_3_9(tmp_path: Path) -> None:
    machine = make_machine(tmp_path, minors=(11,))
    assert machine.run("bash", "-c", f"set -eu; {_SOURCE}").returncode == 0


def test_variables_that_are_set_are_kept_one_by_one(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    defaults = _exported(machine.run("bash", "-c", _SOURCE).stdout)
    names = [name for name in defaults if name.startswith("PANTS_") or name == "NO_SCIE_WARNING"]
    assert len(names) >= 7
    for name in names:
        for value in ("mine", ""):
            kept = _exported(machine.run("bash", "-c", _SOURCE, **{name: value}).stdout)
            assert {n: kept[n] for n in names} == {**{n: defaults[n] for n in names}, name: value}


@pytest.mark.parametrize(
    "what", ["pants-*", "pex-cli", "wheels", "pants-*/bin/python", "pants-*/bin/pants"]
)
def test_what_was_deleted_is_made_again(tmp_path: Path, what: str) -> None:
    machine = make_machine(tmp_path)
    machine.run()
    (path,) = machine.cache.glob(what)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert machine.run().returncode == 0
    assert path.exists()


def test_a_change_of_what_it_depends_on_prepares_again(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    machine.run()

    def prepared_again(**more: str) -> bool:
        before = len(machine.calls())
        assert machine.run(**more).returncode == 0
        return len(machine.calls()) > before

    assert not prepared_again()
    assert prepared_again(PIP_INDEX_URL="https://other")
    assert prepared_again(SSL_CERT_FILE="/dev/null")
    assert prepared_again(PTE_PYTHON311=str(tmp_path / "bin" / "python3.11"))
    assert not prepared_again()
    for config in ("home/.config/pip/pip.conf", "home/.pip/pip.conf"):
        (tmp_path / config).parent.mkdir(parents=True)
        (tmp_path / config).write_text("[global]\n")
        assert prepared_again()
    assert not prepared_again()
    machine.site_config.write_text("[global]\n")
    assert prepared_again()
    machine.site_config.unlink()
    assert prepared_again()
    requirements = next((tmp_path / "repo" / "tools" / "bootstrap").glob("pex-*.txt"))
    requirements.write_text(requirements.read_text() + "# changed\n")
    assert prepared_again()


def test_a_configuration_file_from_the_future_is_no_dead_end(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    machine.site_config.touch()
    os.utime(machine.site_config, (2**32, 2**32))
    for _ in range(2):
        assert machine.run().stdout.startswith("pants ran hello\n")


def test_a_second_checkout_shares_the_cache(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    machine.run()
    shutil.copytree(tmp_path / "repo", tmp_path / "clone")
    calls = machine.calls()
    assert machine.run("bash", str(tmp_path / "clone" / "pants"), "x").returncode == 0
    assert machine.calls() == calls
