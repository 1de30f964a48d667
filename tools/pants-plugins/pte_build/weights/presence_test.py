"""A checkpoint is fetched when an export has to run, and not when a cache has its result."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
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
    store_with_toolchain,
)
from pte_build.weights.fetching import FetchWeights
from pte_build.weights.presence import (
    InStore,
    InStoreRequest,
    PresentWeights,
    is_missing_digest,
)
from pte_build.weights.resolution import ResolvedWeights


def official(checkpoint: bytes) -> ResolvedWeights:
    """Weights of which this is the checkpoint."""
    return ResolvedWeights(
        address=Address("models/alpha", target_name="alpha_weights"),
        source="official",
        file="alpha.pth",
        license="MIT",
        source_page=None,
        sha256=hashlib.sha256(checkpoint).hexdigest(),
        size=len(checkpoint),
    )


SEEDED_WEIGHTS = ResolvedWeights(
    Address("models/alpha", target_name="alpha_weights"),
    "seeded",
    "alpha.pth",
    "MIT",
    None,
    None,
    None,
)
ALPHA_WEIGHTS = official(CHECKPOINT)


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


def lazy_runner(store: str) -> RuleRunner:
    return make_runner(
        store=store,
        queries=(
            QueryRule(InStore, (InStoreRequest,)),
            QueryRule(PresentWeights, (FetchWeights,)),
        ),
    )


@pytest.fixture(scope="module")
def machine() -> RuleRunner:
    return lazy_runner(store_with_toolchain())


@pytest.fixture()
def runner(machine: RuleRunner) -> RuleRunner:
    """For tests that fetch another checkpoint each."""
    set_options(machine)
    processes_run(machine)
    return machine


@dataclass(frozen=True)
class Machine:
    """Where ALPHA_FAST has been exported from its checkpoint."""

    runner: RuleRunner
    store: str
    distdir: Path
    exported: ExportedProgram
    processes: list[str]


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    store, distdir = store_with_toolchain(), tmp_path_factory.mktemp("exporter") / "distdir"
    runner = lazy_runner(store)
    with_distdir(runner, distdir)
    exported = runner.request(ExportedProgram, [ExportedProgramRequest(ALPHA_FAST)])
    assert exported.weights.source == "official"
    return Machine(runner, store, distdir, exported, processes_run(runner))


def with_distdir(runner: RuleRunner, folder: Path, checkpoint: bytes = CHECKPOINT) -> None:
    folder.mkdir()
    (folder / "checkpoint").write_bytes(checkpoint)
    set_options(runner, f"--weights-distdirs={folder}")


def ensure_weights(runner: RuleRunner, weights: ResolvedWeights) -> None:
    runner.request(PresentWeights, [FetchWeights(weights)])


def test_in_store_after_the_first_use_only(runner: RuleRunner, tmp_path: Path) -> None:
    checkpoint = b"used once"
    weights = official(checkpoint)
    with_distdir(runner, tmp_path / "distdir", checkpoint)
    assert runner.request(InStore, [InStoreRequest(weights)]) == InStore(False)
    ensure_weights(runner, weights)
    set_options(runner)
    assert runner.request(InStore, [InStoreRequest(weights)]) == InStore(True)
    # From there: the folder of checkpoints is not among the options any more.
    ensure_weights(runner, weights)


def test_what_one_session_has_fetched_the_next_one_does_not_fetch(
    runner: RuleRunner, tmp_path: Path
) -> None:
    checkpoint = b"used in two sessions"
    weights = official(checkpoint)
    with_distdir(runner, tmp_path / "distdir", checkpoint)
    ensure_weights(runner, weights)
    assert f"Fetch {weights.address}" in processes_run(runner)
    set_options(runner, f"--weights-distdirs={tmp_path / 'distdir'}")
    ensure_weights(runner, weights)
    assert processes_run(runner) == [f"Look for {weights.file} in the store"]


def test_weights_without_a_checkpoint_are_always_there(runner: RuleRunner) -> None:
    assert SEEDED_WEIGHTS.files() == ()
    ensure_weights(runner, SEEDED_WEIGHTS)


def test_a_cached_export_needs_no_checkpoint(exporter: Machine, tmp_path: Path) -> None:
    # Another clone, with what the store had except for the checkpoint.
    shutil.copytree(exporter.store, tmp_path / "store")
    (copy,) = (tmp_path / "store").glob(f"immutable/**/{CHECKPOINT_SHA256}*")
    copy.unlink()
    other = lazy_runner(str(tmp_path / "store"))

    again = other.request(ExportedProgram, [ExportedProgramRequest(ALPHA_FAST)])
    assert (again.pte, again.facts) == (exporter.exported.pte, exporter.exported.facts)
    assert other.request(InStore, [InStoreRequest(ALPHA_WEIGHTS)]) == InStore(False)
    # What has not been exported before does need it.
    message = refusal(other, ExportedProgram, ExportedProgramRequest(ALPHA_SLOW))
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


def test_the_store_is_not_asked_for_a_checkpoint_that_nothing_needs(exporter: Machine) -> None:
    """Asking starts a process per checkpoint and session: that takes seconds if many programs are all cached."""
    assert f"Export {ALPHA_FAST}" in exporter.processes
    set_options(exporter.runner, f"--weights-distdirs={exporter.distdir}")
    request = ExportedProgramRequest(ALPHA_FAST)
    assert exporter.runner.request(ExportedProgram, [request]) == exporter.exported
    assert "Look for alpha.pth in the store" not in processes_run(exporter.runner)
