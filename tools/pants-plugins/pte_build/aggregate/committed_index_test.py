"""The test of a committed index: the same answer whatever a session's options say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pants.core.goals.test import TestResult
from pants.engine.addresses import Address
from pants.engine.fs import CreateDigest, DigestContents, FileEntry
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.aggregate.committed_index import IndexTestFieldSet, IndexTestRequest
from pte_build.aggregate.index import BuiltIndex, BuiltIndexRequest
from pte_build.choices import Choices
from pte_build.stand_in_repository import (
    CHECKPOINT,
    CHECKPOINT_SHA256,
    chip_text,
    program_text,
    target_text,
)
from pte_build.test_support import (
    SEEDED,
    exports_run,
    make_runner,
    set_options,
    store_with_toolchain,
    write_sdk,
)

INDEX = Address("", target_name="index")


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    queries = (QueryRule(TestResult, (IndexTestRequest.Batch,)),)
    made = make_runner(SEEDED, store=store_with_toolchain(), queries=queries)
    made.write_files({"models/gamma/BUILD": chip_text()})
    set_options(made, SEEDED)
    return made


@pytest.fixture()
def committed(runner: RuleRunner) -> Iterator[Path]:
    """The file that `--weights-source=seeded package //:index` would write, committed."""
    set_options(runner, SEEDED)
    file = Path(runner.build_root, "index.json")
    runner.write_files({"index.json": index_text(runner, Choices.SESSION)})
    yield file
    file.unlink(missing_ok=True)


def index_text(runner: RuleRunner, choices: Choices, index: Address = INDEX) -> str:
    built = runner.request(BuiltIndex, [BuiltIndexRequest(index, index, choices)])
    entry = FileEntry("index.json", built.content)
    (file,) = runner.request(DigestContents, [CreateDigest([entry])])
    return file.content.decode()


def run_test(runner: RuleRunner, *options: str, name: str = "index_test") -> TestResult:
    """`test //:index_test` in a new session with these options."""
    set_options(runner, *options)
    target = runner.get_target(Address("", target_name=name))
    field_set = IndexTestFieldSet.create(target)
    batch = IndexTestRequest.Batch("", (field_set,), None)  # type: ignore[type-var]
    return runner.request(TestResult, [batch])


def other_choices(folder: Path) -> dict[str, tuple[str, ...]]:
    """Options that change what a session builds, each under its name."""
    (folder / "alpha.pth").write_bytes(CHECKPOINT)
    (folder / "tuned.pth").write_bytes(b"tuned")
    entry = {"file": "alpha.pth", "sha256": CHECKPOINT_SHA256, "size": len(CHECKPOINT)}
    substitutes = {"models/alpha:alpha_weights": {**entry, "description": "tuned"}}
    (folder / "substitutes.json").write_text(json.dumps(substitutes))
    (folder / "broken.json").write_text("{")
    return {
        "official": (),
        "distdirs": (f"--weights-distdirs={folder}",),
        "substitutes": (SEEDED, f"--weights-substitutes={folder / 'substitutes.json'}"),
        "broken-substitutes": (SEEDED, f"--weights-substitutes={folder / 'broken.json'}"),
        "sdk": (SEEDED, write_sdk(folder)),
        "no-sdk": (SEEDED, f"--qnn-sdk-root={folder / 'nonesuch'}"),
        "index": (SEEDED, "--index-base-url=https://x", "--index-generated=2020-01-01T00:00:00Z"),
        "unpinned": ("--index-allow-unpinned",),
    }


@pytest.mark.parametrize(
    "name",
    [
        "official", "distdirs", "substitutes", "broken-substitutes", "sdk", "no-sdk", "index",
        "unpinned",
    ],
)  # fmt: skip
def test_it_passes_whatever_the_options_say(
    runner: RuleRunner, committed: Path, tmp_path: Path, name: str
) -> None:
    result = run_test(runner, *other_choices(tmp_path)[name])
    assert (result.exit_code, result.stdout) == (0, "is current\n"), result.stderr


def test_it_exports_nothing_beyond_what_a_seeded_session_does(
    runner: RuleRunner, committed: Path
) -> None:
    exports_run(runner)
    set_options(runner)
    index_text(runner, Choices.COMMITTED_INDEX)
    assert exports_run(runner) == []


def test_a_stale_file_fails(runner: RuleRunner, committed: Path) -> None:
    runner.write_files({"index.json": committed.read_text().replace("passed", "failed", 1)})
    result = run_test(runner)
    assert (result.exit_code, result.stdout) == (1, "is stale\n")


def test_each_index_is_compared_with_the_file_of_its_name(
    runner: RuleRunner, committed: Path
) -> None:
    other = target_text(
        "model_index", "other", programs=["models/beta::"], output_path="o/index_b.json"
    )
    test = target_text("model_index_test", "both", index=[":index", ":other"])
    runner.write_files({"BUILD.both": other + test, "index_b.json": committed.read_text()})
    try:
        stale = run_test(runner, name="both")
        address = Address("", target_name="other")
        set_options(runner, SEEDED)
        runner.write_files({"index_b.json": index_text(runner, Choices.SESSION, address)})
        current = run_test(runner, name="both")
    finally:
        for name in ("BUILD.both", "index_b.json"):
            Path(runner.build_root, name).unlink()
    assert (stale.exit_code, stale.stdout) == (1, "is stale\n")
    assert (current.exit_code, current.stdout) == (0, "is current\n"), current.stderr


def test_no_file_fails(runner: RuleRunner, committed: Path) -> None:
    committed.unlink()
    result = run_test(runner)
    assert result.exit_code == 1
    assert "index.json" in result.stderr


def test_a_changed_program_fails(runner: RuleRunner, committed: Path) -> None:
    builder = "src/python/pte_foundry/models/beta.py"
    runner.write_files({builder: "CONTENT = 'changed'\n"})
    try:
        result = run_test(runner)
    finally:
        runner.write_files({builder: "CONTENT = 'beta'\n"})
    assert (result.exit_code, result.stdout) == (1, "is stale\n")


def test_a_program_that_cannot_be_built_fails_with_its_reason(
    runner: RuleRunner, committed: Path
) -> None:
    runner.write_files({"models/epsilon/BUILD": program_text("epsilon_fast")})
    try:
        result = run_test(runner)
    finally:
        runner.write_files({"models/epsilon/BUILD": ""})
    assert result.exit_code == 1
    assert "models/epsilon:epsilon_fast: it has no test" in result.stderr
