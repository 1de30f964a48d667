"""Two programs that would be written to one file are refused by name, before either is exported."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.errors import PteBuildError
from pte_build.program.output_paths import SharedOutputPaths, duplicates
from pte_build.stand_in_repository import program_text
from pte_build.test_support import ALPHA_FAST, ALPHA_SLOW, BETA_SLOW, make_runner


def test_duplicates() -> None:
    assert duplicates({ALPHA_FAST: "a", ALPHA_SLOW: "b", BETA_SLOW: "a"}) == {
        "a": ("models/alpha:alpha_fast", "models/beta:beta_slow")
    }


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(queries=(QueryRule(SharedOutputPaths, ()),))


@pytest.mark.parametrize(
    ("output_path", "shared"),
    [
        ("models/alpha/alpha_fast.pte", "models/alpha/alpha_fast.pte"),
        ("models/./alpha//alpha_fast.pte", "models/alpha/alpha_fast.pte"),
        # Their reports would be one file.
        ("models/alpha/alpha_fast.bin", "models/alpha/alpha_fast.json"),
        ("models/alpha/other.pte", None),
    ],
)
def test_shared_output_paths(runner: RuleRunner, output_path: str, shared: str | None) -> None:
    runner.write_files({"other/BUILD": program_text("p", output_path=output_path)})
    found = runner.request(SharedOutputPaths, [])
    twin = Address("other", target_name="p")
    found.check(ALPHA_SLOW)
    if shared is None:
        found.check(twin)
        return
    for program in (ALPHA_FAST, twin):
        with pytest.raises(PteBuildError) as caught:
            found.check(program)
        assert str(caught.value).startswith(
            f"{program}: models/alpha:alpha_fast and other:p would both write dist/"
        )
    assert shared in found.owners
