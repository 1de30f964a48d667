"""The publish goal: what reaches the library's publisher, and that a refusal is an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pants.core.goals.publish import Publish
from pants.engine.internals.scheduler import ExecutionError
from pants.testutil.option_util import create_options_bootstrapper
from pants.testutil.rule_runner import (
    PYTHON_BOOTSTRAP_ENV,
    GoalRuleResult,
    RuleRunner,
    mock_console,
)

from pte_build.publishing.environment import passed_on
from pte_build.stand_in_repository import target_text
from pte_build.test_support import SEEDED, make_runner, session_settings, store_with_toolchain

REMOTE = "git+ssh://git@example.org/models.git#branch=main"


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(SEEDED, store=store_with_toolchain())


def declare(runner: RuleRunner, *repositories: str, name: str = "out") -> str:
    """Declares a tree to publish; returns its address."""
    fields: dict[str, object] = {
        "index": ["//:index"],
        "licenses": {"MIT": "LICENSE"},
        "model_cards": ["models/*/README.md"],
    }
    if repositories:
        fields["repositories"] = list(repositories)
    runner.write_files({f"BUILD.{name}": target_text("model_tree", name, **fields)})
    return f"//:{name}"


def publish(runner: RuleRunner, *arguments: str, **environment: str) -> GoalRuleResult:
    """Run the goal with these options and specs, and with this in the caller's environment."""
    Path(runner.build_root, "received.json").unlink(missing_ok=True)
    options, machine = session_settings(SEEDED)
    with mock_console(create_options_bootstrapper()):
        return runner.run_goal_rule(
            Publish,
            global_args=[*options, *(each for each in arguments if each.startswith("--"))],
            args=[each for each in arguments if not each.startswith("--")],
            env={**machine, **environment},
            env_inherit=set(PYTHON_BOOTSTRAP_ENV),
        )


def received(runner: RuleRunner) -> Any:
    """The publisher's request, environment and files."""
    return json.loads(Path(runner.build_root, "received.json").read_text())


def test_the_request_to_the_publisher(runner: RuleRunner) -> None:
    address = declare(runner, "file:releases", REMOTE)
    result = publish(runner, address)
    assert result.exit_code == 0, result.stderr
    assert f"published to file:releases, {REMOTE}." in result.stderr
    seen = received(runner)
    assert seen["request"] == {
        "tree": "//:out",
        "folder": "tree",
        "scratch": "scratch",
        "build_root": runner.build_root,
        "repositories": ["file:releases", REMOTE],
        "git_lfs": False,
        "allow": {"unofficial": False, "changed": False, "removed": False},
    }
    assert "tree/SHA256SUMS" in seen["tree"]
    assert "tree/1.4.1/alpha/alpha_fast.pte" in seen["tree"]


@pytest.mark.parametrize(
    "option", ["allow-unofficial", "allow-changed", "allow-removed", "git-lfs"]
)
def test_an_option(runner: RuleRunner, option: str) -> None:
    publish(runner, declare(runner, "file:releases"), f"--tree-{option}")
    request = received(runner)["request"]
    flags = {"git-lfs": request["git_lfs"]}
    flags.update({f"allow-{name}": value for name, value in request["allow"].items()})
    assert {name for name, value in flags.items() if value} == {option}


def test_the_callers_environment(runner: RuleRunner) -> None:
    wanted = {"HOME": "/home/ada", "SSH_AUTH_SOCK": "/agent", "GIT_SSH_COMMAND": "ssh -v"}
    publish(
        runner,
        declare(runner, "file:releases"),
        "--tree-extra-env-vars=['VAULT_ADDR', 'SET=here']",
        **wanted,
        VAULT_ADDR="vault",
        SECRET="not for git",
        GIT_DIR="/elsewhere",
    )
    environment = received(runner)["environment"]
    assert {name: environment[name] for name in wanted} == wanted
    assert (environment["VAULT_ADDR"], environment["SET"]) == ("vault", "here")
    assert "SECRET" not in environment
    assert "GIT_DIR" not in environment


@pytest.mark.parametrize(
    ("repository", "tokens"),
    [
        (REMOTE, set()),
        ("github:ada/models", {"GITHUB_TOKEN"}),
        ("hf:ada/models", {"HF_TOKEN"}),
    ],
)
def test_a_host_alone_gets_its_token(runner: RuleRunner, repository: str, tokens: set[str]) -> None:
    secrets = {"GITHUB_TOKEN": "one", "HF_TOKEN": "two"}
    result = publish(runner, declare(runner, "file:releases", repository), **secrets)
    assert result.exit_code == 0, result.stderr
    seen = received(runner)
    assert secrets.keys() & seen["environment"].keys() == tokens
    assert seen["request"]["repositories"] == ["file:releases", repository]


def test_only_the_hub_needs_a_toolchain(runner: RuleRunner) -> None:
    publish(runner, declare(runner, "github:ada/models"))
    assert not received(runner)["in_toolchain"]
    publish(runner, declare(runner, "hf:ada/models"))
    assert received(runner)["in_toolchain"]


def test_nothing_is_named_twice() -> None:
    names = passed_on(["hf:ada/models", "github:ada/models"])
    assert len(set(names)) == len(names)


def test_a_refusal_is_an_error(runner: RuleRunner) -> None:
    result = publish(runner, declare(runner, "file:refused"))
    assert result.exit_code == 1
    assert "tree failed for file:refused." in result.stderr


def test_a_place_that_the_command_line_names(runner: RuleRunner) -> None:
    option = f"--tree-repositories={REMOTE}"
    address = declare(runner, name="nowhere")
    result = publish(runner, option, address)
    assert result.exit_code == 0, result.stderr
    assert f"published to {REMOTE}." in result.stderr
    assert received(runner)["request"]["repositories"] == [REMOTE]
    publish(runner, option, declare(runner, "file:releases"))
    assert received(runner)["request"]["repositories"] == ["file:releases"]
    declare(runner, name="nowhere")
    passed_over = publish(runner, option, "--filter-address-regex=nowhere", "::")
    assert "has no `repositories` to publish to" in passed_over.stderr
    assert not Path(runner.build_root, "received.json").exists()


def test_a_tree_without_repositories(runner: RuleRunner) -> None:
    address = declare(runner, name="nowhere")
    with pytest.raises(ExecutionError, match="//:nowhere has no `repositories` to publish to"):
        publish(runner, address)
    passed_over = publish(runner, "--filter-address-regex=nowhere", "::")
    assert passed_over.exit_code == 0
    assert "tree skipped (//:nowhere has no `repositories` to publish to)" in passed_over.stderr
    assert not Path(runner.build_root, "received.json").exists()
