"""Exports and validations leave this machine only if that is asked for, completely."""

from __future__ import annotations

import pytest
from pants.engine.environment import EnvironmentName
from pants.engine.platform import Platform
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.errors import PteBuildError
from pte_build.remote_runs.place import RunPlace, Workers, check_platform
from pte_build.test_support import failure, make_runner, refusal, set_options

ON = (
    "--remote-execution",
    "--remote-execution-address=grpc://192.0.2.1:1",
    "--remote-store-address=grpc://192.0.2.1:2",
)
NAMES = "--environments-preview-names={'workers': '//toolchains:workers', 'other': '//other:other'}"
CHOICE = "--remote-runs-environment=workers"
HERE = Platform.create_for_localhost().value


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    made = make_runner(queries=(QueryRule(RunPlace, ()),))
    made.write_files({"toolchains/BUILD": _remote("workers", HERE)})
    return made


def _remote(name: str, platform: str) -> str:
    return f"remote_environment(name={name!r}, platform={platform!r}, fallback_environment='__local__')\n"


def other(runner: RuleRunner, target: str) -> None:
    runner.write_files({"other/BUILD": target})


@pytest.mark.parametrize("options", [(), (NAMES,), (NAMES, CHOICE), ON[1:]])
def test_without_all_of_it_everything_runs_here(
    runner: RuleRunner, options: tuple[str, ...]
) -> None:
    other(runner, _remote("other", HERE))
    set_options(runner, *options)
    assert runner.request(RunPlace, []) == RunPlace(None)


def test_with_all_of_it_exports_leave(runner: RuleRunner) -> None:
    other(runner, _remote("other", HERE))
    set_options(runner, *ON, NAMES, CHOICE)
    workers = Workers(EnvironmentName("workers"), "grpc://192.0.2.1:1", HERE)
    assert runner.request(RunPlace, []) == RunPlace(workers)


def test_the_local_environment_is_this_machine(runner: RuleRunner) -> None:
    other(runner, "local_environment(name='other')\n")
    set_options(runner, *ON, NAMES, "--remote-runs-environment=other")
    assert runner.request(RunPlace, []) == RunPlace(None)


def test_remote_execution_of_everything_is_refused(runner: RuleRunner) -> None:
    set_options(runner, *ON)
    message = refusal(runner, RunPlace)
    assert "without [remote-runs].environment" in message
    assert "PANTS_CONFIG_FILES=pants.remote-execution.toml" in message


def test_another_kind_of_environment_is_refused(runner: RuleRunner) -> None:
    other(runner, "docker_environment(name='other', image='some@sha256:0')\n")
    set_options(runner, *ON, NAMES, "--remote-runs-environment=other", "--docker-execution")
    message = refusal(runner, RunPlace)
    assert "`other` is the docker_environment other:other" in message
    assert "remote_environment" in message


def test_an_unknown_name_is_refused(runner: RuleRunner) -> None:
    set_options(runner, *ON, NAMES, "--remote-runs-environment=nobody")
    message = str(failure(runner, RunPlace))
    assert "nobody" in message
    assert "[remote-runs].environment" in message


def test_workers_of_another_platform_are_refused() -> None:
    workers = Workers(EnvironmentName("workers"), "grpc://192.0.2.1:1", "linux_x86_64")
    check_platform(workers, "linux_x86_64")
    with pytest.raises(
        PteBuildError, match="platform linux_x86_64, and this machine, .* macos_arm64"
    ):
        check_platform(workers, "macos_arm64")
