"""A checkpoint is fetched when an export has to run, and not when a cache has its result."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pants.engine.addresses import Address
from pants.engine.environment import EnvironmentName
from pants.engine.internals.selectors import Params
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.program.export import ExportedProgram, ExportedProgramRequest
from pte_build.stand_in_repository import CHECKPOINT, CHECKPOINT_SHA256, program_text
from pte_build.test_support import (
    ALPHA_FAST,
    ALPHA_SLOW,
    make_runner,
    processes_run,
    refusal,
    set_options,
)
from pte_build.weights.fetching import FetchWeights
from pte_build.weights.presence import (
    InStore,
    InStoreRequest,
    PresentWeights,
    is_missing_digest,
)
from pte_build.weights.resolution import ResolvedWeights

WEIGHTS = ResolvedWeights(
    address=Address("models/alpha", target_name="alpha_weights"),
    source="official",
    file="alpha.pth",
    license="MIT",
    source_page=None,
    sha256=CHECKPOINT_SHA256,
    size=len(CHECKPOINT),
)
SEEDED_WEIGHTS = ResolvedWeights(WEIGHTS.address, "seeded", "alpha.pth", "MIT", None, None, None)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (f"Was not present in the local store: Digest {{hash=Fingerprint<{'0' * 64}>}}", True),
        ("Was not present in either the local or remote store", True),
        ("MissingDigest { ... }", True),
        ("export failed: the file is missing", False),
        ("Connection refused", False),
    ],
)
def test_is_missing_digest(message: str, expected: bool) -> None:
    assert is_missing_digest(Exception(message)) is expected


def lazy_runner(store: Path) -> RuleRunner:
    return make_runner(
        store=str(store),
        queries=(
            QueryRule(InStore, (InStoreRequest,)),
            QueryRule(PresentWeights, (FetchWeights,)),
        ),
    )


@pytest.fixture()
def runner(tmp_path: Path) -> RuleRunner:
    return lazy_runner(tmp_path / "store")


def with_distdir(runner: RuleRunner, folder: Path) -> None:
    folder.mkdir()
    (folder / "checkpoint").write_bytes(CHECKPOINT)
    set_options(runner, f"--weights-distdirs={folder}")


def ensure_weights(runner: RuleRunner, weights: ResolvedWeights) -> None:
    runner.request(PresentWeights, [FetchWeights(weights)])


def test_in_store_after_the_first_use_only(runner: RuleRunner, tmp_path: Path) -> None:
    with_distdir(runner, tmp_path / "distdir")
    assert runner.request(InStore, [InStoreRequest(WEIGHTS)]) == InStore(False)
    ensure_weights(runner, WEIGHTS)
    set_options(runner)
    assert runner.request(InStore, [InStoreRequest(WEIGHTS)]) == InStore(True)
    # From there: the folder of checkpoints is not among the options any more.
    ensure_weights(runner, WEIGHTS)


def test_what_one_session_has_fetched_the_next_one_does_not_fetch(
    runner: RuleRunner, tmp_path: Path
) -> None:
    with_distdir(runner, tmp_path / "distdir")
    ensure_weights(runner, WEIGHTS)
    assert f"Fetch {WEIGHTS.address}" in processes_run(runner)
    set_options(runner, f"--weights-distdirs={tmp_path / 'distdir'}")
    ensure_weights(runner, WEIGHTS)
    assert processes_run(runner) == [f"Look for {WEIGHTS.file} in the store"]


def test_weights_without_a_checkpoint_are_always_there(runner: RuleRunner) -> None:
    assert SEEDED_WEIGHTS.files() == ()
    ensure_weights(runner, SEEDED_WEIGHTS)


def test_a_cached_export_needs_no_checkpoint(tmp_path: Path) -> None:
    first = lazy_runner(tmp_path / "first")
    with_distdir(first, tmp_path / "distdir")
    exported = first.request(ExportedProgram, [ExportedProgramRequest(ALPHA_FAST)])
    assert exported.weights.source == "official"

    # Another clone, with what the store had except for the checkpoint.
    shutil.rmtree(tmp_path / "distdir")
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    (copy,) = (tmp_path / "second").glob(f"immutable/**/{CHECKPOINT_SHA256}*")
    copy.unlink()
    second = lazy_runner(tmp_path / "second")

    again = second.request(ExportedProgram, [ExportedProgramRequest(ALPHA_FAST)])
    assert (again.pte, again.facts) == (exported.pte, exported.facts)
    assert second.request(InStore, [InStoreRequest(WEIGHTS)]) == InStore(False)
    # What has not been exported before does need it.
    message = refusal(second, ExportedProgram, ExportedProgramRequest(ALPHA_SLOW))
    assert "the checkpoint alpha.pth" in message and "could not be fetched" in message


def test_programs_that_share_a_missing_checkpoint_are_exported_once_under_their_own_names(
    runner: RuleRunner, tmp_path: Path
) -> None:
    with_distdir(runner, tmp_path / "distdir")
    names = [f"p{number}" for number in range(6)]
    # Each of another model, since equal exports are one.
    runner.write_files({"many/BUILD": "".join(program_text(name, model=name) for name in names)})
    programs = [Address("many", target_name=name) for name in names]
    request = runner.scheduler.execution_request(
        [
            (ExportedProgram, Params(ExportedProgramRequest(program), EnvironmentName(None)))
            for program in programs
        ]
    )
    assert len(set(runner.scheduler.execute(request))) == len(names)
    exports = [name for name in processes_run(runner) if name.startswith("Export ")]
    assert exports == [f"Export {program}" for program in programs]


def test_the_store_is_not_asked_for_a_checkpoint_that_nothing_needs(
    runner: RuleRunner, tmp_path: Path
) -> None:
    """Asking starts a process per checkpoint and session: that takes seconds if many programs are all cached."""
    with_distdir(runner, tmp_path / "distdir")
    request = ExportedProgramRequest(ALPHA_FAST)
    exported = runner.request(ExportedProgram, [request])
    assert f"Export {ALPHA_FAST}" in processes_run(runner)
    set_options(runner, f"--weights-distdirs={tmp_path / 'distdir'}")
    assert runner.request(ExportedProgram, [request]) == exported
    assert "Look for alpha.pth in the store" not in processes_run(runner)
