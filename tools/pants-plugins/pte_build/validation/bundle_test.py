"""`package` on a bundle: which files get into `dist/`, and that only a name on the command line asks for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pants.core.goals.package import Package
from pants.engine.internals.scheduler import ExecutionError
from pants.testutil.rule_runner import PYTHON_BOOTSTRAP_ENV, GoalRuleResult, RuleRunner

from pte_build.stand_in_repository import program_text, target_text
from pte_build.test_support import (
    SEEDED,
    make_runner,
    session_settings,
    store_with_toolchain,
)


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    made = make_runner(store=store_with_toolchain())
    made.write_files({"models/alpha/BUILD": _with_bundle(made)})
    return made


def _with_bundle(runner: RuleRunner) -> str:
    text = Path(runner.build_root, "models/alpha/BUILD").read_text(encoding="utf-8")
    return text + target_text("pte_bundle", "alpha_fast_bundle", program=[":alpha_fast"])


def package(runner: RuleRunner, *addresses: str) -> GoalRuleResult:
    arguments, environment = session_settings(SEEDED)
    return runner.run_goal_rule(
        Package,
        global_args=arguments,
        args=addresses,
        env=environment,
        env_inherit=set(PYTHON_BOOTSTRAP_ENV),
    )


def packaged(runner: RuleRunner) -> list[str]:
    folder = Path(runner.build_root, "dist/models/alpha")
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_glob_leaves_bundles_out(runner: RuleRunner) -> None:
    assert package(runner, "models/alpha:").exit_code == 0
    assert "alpha_fast.pte" in packaged(runner)
    assert not any("bundle" in name for name in packaged(runner))


def test_a_bundle_and_its_description(runner: RuleRunner) -> None:
    assert package(runner, "models/alpha:alpha_fast_bundle").exit_code == 0
    assert {"alpha_fast_bundle.bpte", "alpha_fast_bundle.json"} <= set(packaged(runner))
    folder = Path(runner.build_root, "dist/models/alpha")
    program, pictures = json.loads((folder / "alpha_fast_bundle.bpte").read_bytes())
    assert program[0] == "alpha" and len(pictures) > 0
    assert set(json.loads((folder / "alpha_fast_bundle.json").read_bytes())) == {"program"}


def test_what_does_not_verify_is_not_written(runner: RuleRunner) -> None:
    builder = ["src/python/pte_foundry/models/wrong.py"]
    runner.write_files(
        {
            "wrong/BUILD": program_text("p", builder=builder)
            + target_text("pte_test", "p_test", program=[":p"])
            + target_text("pte_bundle", "p_bundle", program=[":p"])
        }
    )
    with pytest.raises(ExecutionError, match="bundling failed: mismatch: the runtime does not"):
        package(runner, "wrong:p_bundle")


def test_a_program_without_a_test_has_no_bundle(runner: RuleRunner) -> None:
    runner.write_files(
        {
            "untested/BUILD": program_text("p")
            + target_text("pte_bundle", "p_bundle", program=[":p"])
        }
    )
    with pytest.raises(ExecutionError, match="untested:p: it has no test"):
        package(runner, "untested:p_bundle")


@pytest.mark.parametrize("program", [[], [":p", ":q"]])
def test_one_program(runner: RuleRunner, program: list[str]) -> None:
    text = program_text("p") + program_text("q")
    runner.write_files({"several/BUILD": text + target_text("pte_bundle", "b", program=program)})
    with pytest.raises(ExecutionError, match="`program` must name exactly one target"):
        package(runner, "several:b")
