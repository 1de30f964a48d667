from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cache_server.command import execution
from cache_server.command.execution import (
    Execution,
    check_sandbox,
    link_python,
    prepare_execution,
    store_url,
)
from workspace.errors import ToolError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def prepared(folder: Path) -> Execution:
    return prepare_execution(folder, jobs=3)


def test_the_programs_are_of_the_versions_that_pants_can_use(prepared: Execution) -> None:
    programs = prepared.programs
    environment = {"PATH": prepared.search_path("/usr/bin:/bin")}
    for program, version in [
        (programs.casd, "1.3.11"),
        (programs.runner, "1.3.11"),
        (programs.bwrap, "0.11.0"),
    ]:
        finished = subprocess.run(
            [program, "--version"], env=environment, capture_output=True, text=True, check=True
        )
        assert version in finished.stdout + finished.stderr


def test_the_server_is_told_of_runner_jobs_and_mounts(prepared: Execution, folder: Path) -> None:
    arguments = prepared.arguments()
    assert f"--buildbox-run={prepared.programs.runner}" in arguments
    assert "--jobs=3" in arguments
    kept = folder / "worker/kept"
    assert f"--runner-arg=--bind-mount={kept}:/var/cache/pte-foundry" in arguments
    assert kept.is_dir()
    # The C library, and the Python that the link leads to.
    shown = [here for here, _ in prepared.mounts]
    assert {"/usr", "/bin"} <= set(shown)
    assert any(sys.base_prefix.startswith(here) for here in shown)
    # Nobody's settings, and no home folder as a whole.
    assert not {"/", "/etc", "/home", "/root", "/run", "/tmp", "/var"} & set(shown)


def test_a_worker_of_another_service_has_that_ones_store(prepared: Execution) -> None:
    assert not [each for each in prepared.arguments() if "-remote=" in each]
    worker = replace(prepared, store=store_url("grpcs://192.0.2.1:1"))
    assert {"--cas-remote=https://192.0.2.1:1", "--ac-remote=https://192.0.2.1:1"} <= set(
        worker.arguments()
    )
    assert store_url("grpc://[::1]:2") == "http://[::1]:2"


@pytest.mark.parametrize("address", ["", "192.0.2.1:1", "http://192.0.2.1:1", "grpc://"])
def test_a_store_is_named_as_pants_names_it(address: str) -> None:
    with pytest.raises(ToolError, match="--store: .*like grpc://"):
        store_url(address)


def test_the_program_that_makes_sandboxes_is_found_first(prepared: Execution) -> None:
    path = prepared.search_path("/usr/bin:/bin")
    assert path == f"{prepared.bwrap.parent}:/usr/bin:/bin"


def test_a_process_can_change_what_is_kept_and_nothing_else_of_this_machine(
    prepared: Execution, tmp_path: Path
) -> None:
    # As buildbox-run calls it.
    command = [str(prepared.bwrap), "--bind", str(tmp_path), "/"]
    for here, there in prepared.mounts:
        command += ["--dev-bind", here, there]
    script = 'for folder; do (: >"$folder/probe") && echo "$folder"; done; exit 0'
    folders = [there for here, there in prepared.mounts if Path(here).is_dir()]
    finished = subprocess.run(
        [*command, "/bin/sh", "-c", script, "sh", *folders, "/"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.stdout == "/var/cache/pte-foundry\n/\n", finished.stderr
    assert (prepared.kept / "probe").exists()


def test_the_link_is_this_version_of_python_and_is_made_anew(tmp_path: Path) -> None:
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (tmp_path / name).symlink_to("/gone")
    link_python(tmp_path)
    code = "import sys; print(sys.version, sys.base_prefix)"
    said = subprocess.run([tmp_path / name, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == f"{sys.version} {sys.base_prefix}\n"


def test_a_machine_that_allows_no_sandbox_is_told_so(tmp_path: Path) -> None:
    bwrap = tmp_path / "bwrap"
    bwrap.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n"
    )
    bwrap.chmod(0o755)
    with pytest.raises(ToolError, match="No permissions to create new namespace.*sysctl"):
        check_sandbox(bwrap)


def test_this_machine_is_asked(
    prepared: Execution, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(execution, "check_sandbox", asked.append)
    assert prepare_execution(folder, jobs=3) == prepared
    assert asked == [prepared.programs.bwrap]
