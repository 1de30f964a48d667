"""A checkpoint that is pinned by its hash alone: its size is learned once on a machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.program.export import ExportedProgram, ExportedProgramRequest
from pte_build.stand_in_repository import CHECKPOINT, CHECKPOINT_SHA256
from pte_build.test_support import (
    ALPHA_FAST,
    make_runner,
    refusal,
    set_options,
    store_with_toolchain,
)
from pte_build.weights.resolution import ResolvedWeights, ResolvedWeightsRequest
from pte_build.weights.sizes import (
    FOLDER,
    CheckpointSize,
    CheckpointSizeRequest,
    keep_size,
    kept_size,
    size_in_folders,
)

CONTENT = b"values"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ADDRESS = Address("models/alpha", target_name="alpha_weights")


def request(*urls: str) -> CheckpointSizeRequest:
    return CheckpointSizeRequest(ADDRESS, "a.pth", SHA256, urls)


@pytest.fixture()
def caches(tmp_path: Path) -> Path:
    return tmp_path / "named_caches"


@pytest.fixture(scope="module")
def machine() -> RuleRunner:
    return make_runner(
        store=store_with_toolchain(),
        queries=(
            QueryRule(CheckpointSize, (CheckpointSizeRequest,)),
            QueryRule(ResolvedWeights, (ResolvedWeightsRequest,)),
        ),
    )


@pytest.fixture()
def runner(machine: RuleRunner, caches: Path) -> RuleRunner:
    """With a folder of its own for what is kept."""
    new_session(machine, caches)
    return machine


def new_session(runner: RuleRunner, caches: Path, *options: str) -> None:
    # Of options, rules see those of the session alone.
    set_options(runner, f"--named-caches-dir={caches}", *options)


def test_it_is_learned_from_an_address_and_kept(
    runner: RuleRunner, caches: Path, tmp_path: Path
) -> None:
    wrong, right = tmp_path / "wrong", tmp_path / "right"
    wrong.write_bytes(b"VALUES")
    right.write_bytes(CONTENT)
    asked = request("file:/nonexistent/1", f"file:{wrong}", f"file:{right}")
    assert runner.request(CheckpointSize, [asked]).size == len(CONTENT)
    assert (caches / FOLDER / SHA256).read_text() == "6\n"
    right.unlink()
    new_session(runner, caches)
    assert runner.request(CheckpointSize, [asked]).size == len(CONTENT)


def test_it_is_learned_from_a_distdir_under_any_name(
    runner: RuleRunner, caches: Path, tmp_path: Path
) -> None:
    (tmp_path / "distdir").mkdir()
    (tmp_path / "distdir/a.pth").write_bytes(b"cut")
    (tmp_path / "distdir/download (1)").write_bytes(CONTENT)
    new_session(runner, caches, f"--weights-distdirs={tmp_path / 'distdir'}")
    assert runner.request(CheckpointSize, [request()]).size == len(CONTENT)


def test_what_has_another_hash_teaches_nothing(
    runner: RuleRunner, caches: Path, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_bytes(b"VALUES")
    urls = (f"file:{tmp_path / 'wrong'}", "file:/nonexistent/1")
    message = refusal(runner, CheckpointSize, request(*urls))
    assert message.startswith(f"models/alpha:alpha_weights: the checkpoint a.pth (sha256 {SHA256})")
    assert hashlib.sha256(b"VALUES").hexdigest() in message
    assert "\n  - file:/nonexistent/1: " in message
    assert "`./foundry pin models/alpha:alpha_weights`" in message
    assert not (caches / FOLDER).exists()


def test_nowhere_to_look(runner: RuleRunner) -> None:
    assert "\n  - it has no `urls`\n" in refusal(runner, CheckpointSize, request())


def test_a_program_of_such_a_checkpoint(runner: RuleRunner, caches: Path, tmp_path: Path) -> None:
    (tmp_path / "alpha.pth").write_bytes(CHECKPOINT)
    build = Path(runner.build_root, "models/alpha/BUILD")
    text = build.read_text()
    line = f"    size={len(CHECKPOINT)},\n"
    assert line in text, text
    runner.write_files({"models/alpha/BUILD": text.replace(line, "")})
    new_session(runner, caches, f"--weights-distdirs={tmp_path}")
    (weights,) = {
        runner.request(ResolvedWeights, [ResolvedWeightsRequest(ADDRESS, ALPHA_FAST)]),
        runner.request(ExportedProgram, [ExportedProgramRequest(ALPHA_FAST)]).weights,
    }
    runner.write_files({"models/alpha/BUILD": text})
    assert (weights.sha256, weights.size) == (CHECKPOINT_SHA256, len(CHECKPOINT))


def test_a_note_that_was_cut_off_is_none(tmp_path: Path) -> None:
    assert kept_size(str(tmp_path / "none"), SHA256) is None
    for text in ("", "6", "x\n", "\u00e4\n"):
        (tmp_path / SHA256).write_text(text, encoding="utf-8")
        assert kept_size(str(tmp_path), SHA256) is None
    keep_size(str(tmp_path), SHA256, 12)
    assert kept_size(str(tmp_path), SHA256) == 12
    assert [file.name for file in tmp_path.iterdir()] == [SHA256]


def test_folders_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    assert size_in_folders(iter([str(tmp_path / "file"), str(tmp_path / "gone")]), SHA256) is None
