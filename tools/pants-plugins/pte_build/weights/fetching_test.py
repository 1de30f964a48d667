"""Fetching: distdirs by content, substitutes, URLs, and what is said when none has the checkpoint."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import pytest
from pants.engine.addresses import Address
from pants.engine.fs import CreateDigest, Digest, DigestContents, FileDigest, FileEntry
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.test_support import make_runner, refusal, set_options
from pte_build.weights.fetching import (
    FetchedWeights,
    FetchWeights,
    describe_mismatch,
    search_distdirs,
)
from pte_build.weights.local_files import file_sha256
from pte_build.weights.resolution import ResolvedWeights

CONTENT = b"values"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SIZE = len(CONTENT)


def search(*folders: Path) -> tuple[str | None, tuple[str, ...]]:
    copy = search_distdirs((str(folder) for folder in folders), "a.pth", SHA256, SIZE)
    return copy.path, copy.misses


def test_file_sha256_of_more_than_one_block(tmp_path: Path) -> None:
    content = b"x" * (3 << 20) + b"y"
    (tmp_path / "a").write_bytes(content)
    assert file_sha256(str(tmp_path / "a")) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("name", ["a.pth", "downloaded (1)"])
def test_a_file_matches_by_content_whatever_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "other").write_bytes(b"VALUES")
    (tmp_path / name).write_bytes(CONTENT)
    assert search(tmp_path) == (str(tmp_path / name), ())


def test_folders_are_searched_in_order(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.pth").write_bytes(CONTENT)
    path, _ = search(tmp_path / "second", tmp_path / "first")
    assert path == str(tmp_path / "second/a.pth")


def test_other_content_under_the_expected_name_is_described(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"VALUES")
    (tmp_path / "unrelated").write_bytes(b"short")
    path, misses = search(tmp_path)
    actual = hashlib.sha256(b"VALUES").hexdigest()
    assert path is None
    assert misses == (
        f"{tmp_path / 'a.pth'} has sha256 {actual} and 6 bytes, expected {SHA256} and 6 bytes",
    )


def test_the_right_file_is_found_behind_a_wrong_one(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"cut")
    (tmp_path / "z").write_bytes(CONTENT)
    path, misses = search(tmp_path)
    assert path == str(tmp_path / "z")
    assert misses == (describe_mismatch(str(tmp_path / "a.pth"), SHA256, SIZE),)


def test_paths_that_are_not_folders(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    (tmp_path / "a.pth").mkdir()
    missing = tmp_path / "missing"
    assert search(missing, tmp_path / "file", tmp_path / "a.pth") == (
        None,
        (f"{missing} is not a folder", f"{tmp_path / 'file'} is not a folder"),
    )


@pytest.fixture(scope="module")
def machine() -> RuleRunner:
    return make_runner(
        queries=(
            QueryRule(FetchedWeights, (FetchWeights,)),
            QueryRule(Digest, (CreateDigest,)),
        )
    )


@pytest.fixture()
def runner(machine: RuleRunner) -> RuleRunner:
    """In a session without options."""
    set_options(machine)
    return machine


@pytest.fixture()
def checkpoint(request: pytest.FixtureRequest) -> Checkpoint:
    """Another one for each test: what one has fetched, the next one has not."""
    return Checkpoint(f"values for {request.node.name}".encode())


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    content: bytes

    @property
    def tampered(self) -> bytes:
        """Other content of the same length."""
        return self.content.upper()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def size(self) -> int:
        return len(self.content)

    def weights(self, **changes: Any) -> ResolvedWeights:
        weights = ResolvedWeights(
            address=Address("models/alpha", target_name="alpha_weights"),
            source="official",
            file="a.pth",
            license="MIT",
            source_page=None,
            sha256=self.sha256,
            size=self.size,
        )
        return dataclasses.replace(weights, **changes)

    def is_in_store(self, runner: RuleRunner) -> bool:
        """Whether the engine has the content."""
        entry = FileEntry("a", FileDigest(self.sha256, self.size))
        digest = runner.request(Digest, [CreateDigest([entry])])
        try:
            (file,) = runner.request(DigestContents, [digest])
        except ExecutionError as error:
            if "Was not present in the local store" in str(error):
                return False
            raise
        return file.content == self.content


@pytest.mark.parametrize("name", ["a.pth", "with space", "100%41", "a#b", "a?b", "\u00e4"])
def test_from_a_distdir(
    runner: RuleRunner, checkpoint: Checkpoint, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(checkpoint.content)
    set_options(runner, f"--weights-distdirs={tmp_path}")
    fetched = runner.request(FetchedWeights, [FetchWeights(checkpoint.weights())])
    assert fetched == FetchedWeights(checkpoint.sha256, checkpoint.size)
    assert checkpoint.is_in_store(runner)


def test_distdirs_are_relative_to_the_build_root(
    runner: RuleRunner, checkpoint: Checkpoint
) -> None:
    runner.write_files({"mine/a.pth": checkpoint.content})
    set_options(runner, "--weights-distdirs=mine")
    fetched = runner.request(FetchedWeights, [FetchWeights(checkpoint.weights())])
    assert fetched.sha256 == checkpoint.sha256


def test_a_tampered_file_is_refused_and_nothing_is_fetched(
    runner: RuleRunner, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    (tmp_path / "a.pth").write_bytes(checkpoint.tampered)
    set_options(runner, f"--weights-distdirs={tmp_path}")
    message = refusal(runner, FetchedWeights, FetchWeights(checkpoint.weights()))
    assert checkpoint.sha256 in message
    assert hashlib.sha256(checkpoint.tampered).hexdigest() in message
    assert not checkpoint.is_in_store(runner)


def test_urls_are_tried_in_order_after_the_distdirs(
    runner: RuleRunner, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_bytes(checkpoint.tampered)
    (tmp_path / "right").write_bytes(checkpoint.content)
    urls = tuple(f"file:{tmp_path}/{name}" for name in ("missing", "wrong", "right"))
    weights = checkpoint.weights(urls=urls)
    assert runner.request(FetchedWeights, [FetchWeights(weights)]).size == checkpoint.size
    assert checkpoint.is_in_store(runner)


def test_a_url_with_other_content_is_refused(
    runner: RuleRunner, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_bytes(checkpoint.tampered)
    weights = checkpoint.weights(urls=(f"file:{tmp_path}/wrong",))
    message = refusal(runner, FetchedWeights, FetchWeights(weights))
    assert f"  - file:{tmp_path}/wrong: " in message
    assert hashlib.sha256(checkpoint.tampered).hexdigest() in message
    assert not checkpoint.is_in_store(runner)


def test_a_missing_checkpoint_lists_what_was_tried_and_both_ways_out(
    runner: RuleRunner, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    (tmp_path / "a.pth").write_bytes(b"cut")
    gone = tmp_path / "gone"
    set_options(runner, f"--weights-distdirs=['{tmp_path}', '{gone}']")
    weights = checkpoint.weights(urls=("file:/nonexistent/1", "file:/nonexistent/2"))
    message = refusal(runner, FetchedWeights, FetchWeights(weights))
    assert message.startswith("models/alpha:alpha_weights: the checkpoint a.pth (sha256 ")
    mismatch = describe_mismatch(str(tmp_path / "a.pth"), checkpoint.sha256, checkpoint.size)
    tried = [line for line in message.splitlines() if line.startswith("  - ")]
    assert tried[:2] == [f"  - {mismatch}", f"  - {gone} is not a folder"]
    assert tried[2].startswith("  - file:/nonexistent/1: ")
    assert tried[3].startswith("  - file:/nonexistent/2: ")
    assert "--weights-distdirs" in message and "--weights-source=seeded" in message


def test_nowhere_to_look(runner: RuleRunner, checkpoint: Checkpoint) -> None:
    message = refusal(runner, FetchedWeights, FetchWeights(checkpoint.weights()))
    assert "  - it has no `urls`, and no distdirs are set" in message


def test_a_substitute(runner: RuleRunner, checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "tuned.pth"
    path.write_bytes(checkpoint.content)
    weights = checkpoint.weights(source="substitute", local_path=str(path))
    assert runner.request(FetchedWeights, [FetchWeights(weights)]).sha256 == checkpoint.sha256


@pytest.mark.parametrize("tampered", [True, False], ids=["tampered", "missing"])
def test_a_wrong_substitute_is_refused_whatever_else_has_the_content(
    runner: RuleRunner, checkpoint: Checkpoint, tmp_path: Path, tampered: bool
) -> None:
    (tmp_path / "a.pth").write_bytes(checkpoint.content)
    set_options(runner, f"--weights-distdirs={tmp_path}")
    path = tmp_path / "tuned.pth"
    if tampered:
        path.write_bytes(checkpoint.tampered)
    weights = checkpoint.weights(source="substitute", local_path=str(path))
    message = refusal(runner, FetchedWeights, FetchWeights(weights))
    expected = f"{path} does not exist"
    if tampered:
        expected = describe_mismatch(str(path), checkpoint.sha256, checkpoint.size)
    assert f"[weights].substitutes says: {expected}" in message
    assert not checkpoint.is_in_store(runner)
