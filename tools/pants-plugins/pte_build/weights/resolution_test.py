"""Official, seeded, substitute or an error: what BUILD files and options say about a checkpoint."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.errors import PteBuildError
from pte_build.targets.model_weights import ModelWeights
from pte_build.test_support import ALPHA_FAST, make_runner, refusal
from pte_build.weights.resolution import ResolvedWeights, ResolvedWeightsRequest, resolve_weights
from pte_build.weights.substitutes import Substitute
from pte_build.weights.subsystem import WeightsSource

ADDRESS = Address("models/alpha", target_name="alpha_weights")
SUBSTITUTE = Substitute(ADDRESS.spec, "/tuned/a.pth", "0b" * 32, 8, "fine-tuned")


def weights_target(**fields: object) -> ModelWeights:
    known = {"file": "a.pth", "license": "MIT", "source_page": "https://example.org"}
    return ModelWeights({**known, **fields}, ADDRESS)


PINNED = weights_target(sha256="0a" * 32, size=7, urls=["https://a/a.pth", "https://b/a.pth"])
UNPINNED = weights_target(urls=["https://a/a.pth"])


def test_official() -> None:
    assert resolve_weights(PINNED, WeightsSource.OFFICIAL, None, ALPHA_FAST) == ResolvedWeights(
        address=ADDRESS,
        source="official",
        file="a.pth",
        license="MIT",
        source_page="https://example.org",
        sha256="0a" * 32,
        size=7,
        urls=("https://a/a.pth", "https://b/a.pth"),
    )


@pytest.mark.parametrize("target", [PINNED, UNPINNED], ids=["pinned", "unpinned"])
def test_seeded_has_no_content(target: ModelWeights) -> None:
    resolved = resolve_weights(target, WeightsSource.SEEDED, None, ALPHA_FAST)
    assert (resolved.source, resolved.sha256, resolved.size) == ("seeded", None, None)


@pytest.mark.parametrize("source", list(WeightsSource))
@pytest.mark.parametrize("target", [PINNED, UNPINNED], ids=["pinned", "unpinned"])
def test_a_substitute_wins(target: ModelWeights, source: WeightsSource) -> None:
    resolved = resolve_weights(target, source, SUBSTITUTE, ALPHA_FAST)
    assert resolved.source == "substitute"
    assert (resolved.sha256, resolved.size) == ("0b" * 32, 8)
    assert (resolved.local_path, resolved.description) == ("/tuned/a.pth", "fine-tuned")
    # The builder still finds it under the declared name, and no URL can take its place.
    assert (resolved.sandbox_path, resolved.urls) == ("weights/a.pth", ())


@pytest.mark.parametrize(
    "target",
    [UNPINNED, weights_target(size=7)],
    ids=["neither", "no sha256"],
)
def test_unpinned_names_the_command_that_pins_it(target: ModelWeights) -> None:
    with pytest.raises(PteBuildError) as caught:
        resolve_weights(target, WeightsSource.OFFICIAL, None, ALPHA_FAST)
    message = str(caught.value)
    assert message.startswith("models/alpha:alpha_fast: its checkpoint models/alpha:alpha_weights")
    assert "`./foundry pin models/alpha:alpha_weights`" in message
    assert "--weights-source=seeded" in message


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(queries=(QueryRule(ResolvedWeights, (ResolvedWeightsRequest,)),))


def test_weights_that_are_another_target_type(runner: RuleRunner) -> None:
    message = refusal(runner, ResolvedWeights, ResolvedWeightsRequest(ALPHA_FAST, ALPHA_FAST))
    assert "`weights` names models/alpha:alpha_fast, which is a `pte_program`" in message
    assert "not a `model_weights`" in message
