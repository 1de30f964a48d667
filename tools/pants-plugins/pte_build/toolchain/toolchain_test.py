"""Toolchains that cannot be built as declared."""

from __future__ import annotations

import pytest
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.test_support import failure, make_runner, refusal, set_options
from pte_build.toolchain.locks import ToolchainRequest
from pte_build.toolchain.toolchain import Toolchain


@pytest.fixture()
def runner() -> RuleRunner:
    return make_runner(queries=(QueryRule(Toolchain, (ToolchainRequest,)),))


def test_an_unknown_resolve_lists_the_known_ones(runner: RuleRunner) -> None:
    request = ToolchainRequest(("engine", "nonesuch"), needed_by="models/alpha:alpha_fast")
    message = refusal(runner, Toolchain, request)
    assert message.startswith("models/alpha:alpha_fast: there is no resolve 'nonesuch'")
    assert "dev, engine, extra" in message


def test_lockfiles_that_disagree(runner: RuleRunner) -> None:
    runner.write_files({"locks/engine.lock": "numpy==1.0\n", "locks/extra.lock": "numpy==2.0\n"})
    message = refusal(runner, Toolchain, ToolchainRequest(("engine", "extra")))
    assert "numpy is locked at 1.0 in locks/engine.lock and at 2.0 in locks/extra.lock" in message


def test_a_lockfile_that_is_missing(runner: RuleRunner) -> None:
    set_options(runner, "--python-resolves={'dev': 'locks/dev.lock', 'engine': 'locks/gone.lock'}")
    error = failure(runner, Toolchain, ToolchainRequest(("engine",)))
    assert "locks/gone.lock" in str(error) and "[python].resolves" in str(error)
