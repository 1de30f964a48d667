"""The two shell scripts, driven as users drive them, on a machine with fake interpreters."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from fake_machine import FakeMachine, FirstRun, make_machine

_RAN = "pants ran hello\n"


def _exported(output: str) -> dict[str, str]:
    lines = (line.partition("=") for line in output.splitlines() if "=" in line)
    return {name: value for name, _, value in lines}


def test_installs_once_and_passes_arguments_and_settings_on(
    first_run: FirstRun, prepared: FakeMachine
) -> None:
    first = first_run.finished
    assert first.stdout.startswith(_RAN), first.stderr
    assert "Installing Pants" in first.stderr
    exported = _exported(first.stdout)
    assert exported["PANTS_PYTHON_REPOS_INDEXES"] == '["https://user:secret@index/simple"]'
    assert exported["PANTS_PYTHON_REPOS_FIND_LINKS"] == f'["file://{prepared.cache}/wheels"]'
    assert exported["PANTS_PYTHON_BOOTSTRAP_SEARCH_PATH"] == (
        f'["{prepared.folder}/bin", "<PYENV>", "<PATH>"]'
    )
    template = exported["PANTS_PEX_CLI_URL_TEMPLATE"]
    pex = template.format(version=exported["PANTS_PEX_CLI_VERSION"])[len("file:") :]
    assert Path(pex).read_bytes() == b"pex tool"
    assert list(prepared.cache.glob(".tmp-*")) == []
    # The script names its final folder.
    pants = prepared.only("pants-*/bin/pants")
    assert f"# {pants.parent}\n" in pants.read_text()


def test_a_warm_start_runs_no_python_and_says_nothing(
    first_run: FirstRun, prepared: FakeMachine
) -> None:
    calls = prepared.calls()
    second = prepared.run()
    assert (second.stdout, second.stderr) == (first_run.finished.stdout, "")
    assert prepared.calls() == calls


def test_arguments_arrive_unchanged(prepared: FakeMachine) -> None:
    finished = prepared.run("bash", "repo/pants", "two  words", "", "*")
    assert finished.stdout.startswith("pants ran two  words  *\n")


def test_only_the_owner_reads_a_password_in_the_settings(prepared: FakeMachine) -> None:
    for path in (prepared.cache / "environment").iterdir():
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("options", ["", "set -euo pipefail;"])
def test_sourcing_exports_without_installing_pants(tmp_path: Path, options: str) -> None:
    machine = make_machine(tmp_path)
    finished = machine.source(options, "env; declare -F; compgen -v _pte || :")
    assert finished.returncode == 0, finished.stderr
    exported = _exported(finished.stdout)
    assert "PANTS_PEX_CLI_VERSION" in exported
    assert not [name for name in exported if name.lower().startswith(("_pte", "pte_pants"))]
    assert "_pte" not in finished.stdout
    assert list(machine.cache.glob("pants-*")) == []


def test_sourcing_does_not_need_a_3_9(tmp_path: Path) -> None:
    machine = make_machine(tmp_path, minors=(11,))
    assert machine.source("set -eu;").returncode == 0


def test_variables_of_the_user_are_kept_one_by_one(prepared: FakeMachine) -> None:
    defaults = _exported(prepared.source().stdout)
    names = [name for name in defaults if name.startswith("PANTS_") or name == "NO_SCIE_WARNING"]
    assert len(names) >= 7
    for name in names:
        for value in ("mine", ""):
            kept = _exported(prepared.source(**{name: value}).stdout)
            assert {n: kept[n] for n in names} == {**{n: defaults[n] for n in names}, name: value}


def test_a_changed_input_prepares_again(prepared: FakeMachine) -> None:
    def prepares_again(**more: str) -> bool:
        """Whether `./pants` asks pip, which fails, so that the environment file stays as it is."""
        finished = prepared.run(FAKE_FAIL="pip config", FAKE_OUTPUT="asked", **more)
        assert (finished.returncode == 1) == ("asked" in finished.stderr)
        return finished.returncode == 1

    assert not prepares_again()
    for name in ("PIP_INDEX_URL", "SSL_CERT_FILE"):
        assert prepares_again(**{name: "/dev/null"})
    assert prepares_again(PTE_PYTHON311=str(prepared.folder / "bin" / "python3.11"))
    assert not prepares_again()
    requirements = prepared.folder / "repo" / "tools" / "bootstrap" / "pex-more.txt"
    for path in (
        prepared.folder / "home" / ".config" / "pip" / "pip.conf",
        prepared.folder / "home" / ".pip" / "pip.conf",
        prepared.site_config,
        requirements,
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[global]\n")
        assert prepares_again(), path
        path.unlink()
        assert not prepares_again()


def test_a_deleted_site_configuration_prepares_again(prepared: FakeMachine) -> None:
    prepared.site_config.write_text("[global]\n")
    assert prepared.run().returncode == 0
    calls = len(prepared.calls())
    prepared.site_config.unlink()
    assert prepared.run().returncode == 0
    assert len(prepared.calls()) > calls


def test_a_configuration_file_from_the_future_prepares_each_time(prepared: FakeMachine) -> None:
    prepared.site_config.touch()
    os.utime(prepared.site_config, (2**32, 2**32))
    for _ in range(2):
        assert prepared.run().stdout.startswith(_RAN)


def test_a_second_checkout_shares_the_cache(prepared: FakeMachine) -> None:
    shutil.copytree(prepared.folder / "repo", prepared.folder / "clone")
    calls = prepared.calls()
    assert prepared.run("bash", "clone/pants", "x").returncode == 0
    assert prepared.calls() == calls
