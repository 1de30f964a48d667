"""`package` on a program: which files get into `dist/`, and from which weights."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

import pytest
from pants.core.goals.package import Package
from pants.engine.internals.scheduler import ExecutionError
from pants.testutil.rule_runner import PYTHON_BOOTSTRAP_ENV, GoalRuleResult, RuleRunner

from pte_build.stand_in_repository import CHECKPOINT, CHECKPOINT_SHA256, chip_text, program_text
from pte_build.test_support import (
    SEEDED,
    make_runner,
    session_settings,
    store_with_toolchain,
    write_sdk,
)

ALPHA = "models/alpha:alpha_fast"


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(store=store_with_toolchain())


def package(runner: RuleRunner, *options: str, address: str = ALPHA) -> GoalRuleResult:
    arguments, environment = session_settings(*options)
    return runner.run_goal_rule(
        Package,
        global_args=arguments,
        args=[address],
        env=environment,
        env_inherit=set(PYTHON_BOOTSTRAP_ENV),
    )


def dist(runner: RuleRunner) -> Path:
    return Path(runner.build_root, "dist")


def packaged_weights(runner: RuleRunner) -> tuple[str, str]:
    """The source that the report in `dist/` states, and the hash of what the export read."""
    pte = json.loads((dist(runner) / "models/alpha/alpha_fast.pte").read_bytes())
    report = json.loads((dist(runner) / "models/alpha/alpha_fast.json").read_bytes())
    return report["declared"]["weights"]["source"], pte[2]


def test_program_and_report_lie_side_by_side(runner: RuleRunner) -> None:
    assert package(runner, SEEDED).exit_code == 0
    folder = dist(runner) / "models/alpha"
    assert sorted(path.name for path in folder.iterdir()) == ["alpha_fast.json", "alpha_fast.pte"]
    report = json.loads((folder / "alpha_fast.json").read_bytes())
    pte = (folder / "alpha_fast.pte").read_bytes()
    assert report["facts"]["pte"] == {"sha256": hashlib.sha256(pte).hexdigest(), "size": len(pte)}
    assert packaged_weights(runner) == ("seeded", hashlib.sha256(b"seeded").hexdigest())


def test_official_weights_from_a_distdir(runner: RuleRunner, tmp_path: Path) -> None:
    (tmp_path / "any name").write_bytes(CHECKPOINT)
    assert package(runner, f"--weights-distdirs={tmp_path}").exit_code == 0
    assert packaged_weights(runner) == ("official", CHECKPOINT_SHA256)


@pytest.mark.parametrize("source", ["official", "seeded"])
def test_a_substitute_wins(runner: RuleRunner, tmp_path: Path, source: str) -> None:
    content = b"other values"
    sha256 = hashlib.sha256(content).hexdigest()
    (tmp_path / "tuned.pth").write_bytes(content)
    entry = {"file": "tuned.pth", "sha256": sha256, "size": len(content), "description": "tuned"}
    (tmp_path / "map.json").write_text(json.dumps({"models/alpha:alpha_weights": entry}))
    options = (f"--weights-substitutes={tmp_path / 'map.json'}", f"--weights-source={source}")
    assert package(runner, *options).exit_code == 0
    assert packaged_weights(runner) == ("substitute", sha256)


def test_output_path(runner: RuleRunner) -> None:
    runner.write_files({"own/BUILD": program_text("p", output_path="here/q.pte")})
    assert package(runner, SEEDED, address="own:p").exit_code == 0
    assert sorted(path.name for path in (dist(runner) / "here").iterdir()) == ["q.json", "q.pte"]


def test_a_glob_skips_an_unavailable_program_and_says_so(
    runner: RuleRunner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    runner.write_files({"models/gamma/BUILD": chip_text() + program_text("gamma_fast")})
    assert package(runner, SEEDED, address="models/gamma::").exit_code == 0
    written = sorted(path.name for path in (dist(runner) / "models/gamma").iterdir())
    assert written == ["gamma_fast.json", "gamma_fast.pte"]
    notes = [record.message for record in caplog.records if "unavailable" in record.message]
    assert notes == [
        "models/gamma:gamma_chip is unavailable: [qnn] sdk_root is not set, and it needs the "
        "Qualcomm AI Engine Direct SDK 2.37."
    ]


def test_an_unavailable_program_by_its_address(runner: RuleRunner) -> None:
    runner.write_files({"models/gamma/BUILD": chip_text()})
    with pytest.raises(ExecutionError, match="gamma_chip is unavailable: .* --qnn-sdk-root"):
        package(runner, SEEDED, address="models/gamma:gamma_chip")


def test_a_program_that_its_build_file_calls_unavailable(
    runner: RuleRunner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    runner.write_files({"shut/BUILD": program_text("p", unavailable="it is too slow")})
    assert package(runner, SEEDED, address="shut::").exit_code == 0
    assert "shut:p is unavailable: it is too slow." in caplog.text
    assert not (dist(runner) / "shut").exists()
    with pytest.raises(ExecutionError, match="shut:p is unavailable: .* or remove `unavailable`"):
        package(runner, SEEDED, address="shut:p")


def test_with_its_sdk_it_is_a_program_like_any_other(runner: RuleRunner, tmp_path: Path) -> None:
    runner.write_files({"models/gamma/BUILD": chip_text()})
    option = write_sdk(tmp_path, version="2.37.1")
    assert package(runner, SEEDED, option, address="models/gamma:gamma_chip").exit_code == 0
    report = json.loads((dist(runner) / "models/gamma/gamma_chip.json").read_bytes())
    assert report["facts"]["versions"] == {"qnn_sdk": "2.37.1"}


def test_nothing_is_written_after_a_failure(runner: RuleRunner) -> None:
    builder = ["src/python/pte_foundry/models/refusing.py"]
    runner.write_files({"bad/BUILD": program_text("p", builder=builder)})
    with pytest.raises(ExecutionError, match="bad:p: export failed: bad-input-shape"):
        package(runner, SEEDED, address="bad:p")
    assert not (dist(runner) / "bad").exists()


def test_two_programs_for_one_file(runner: RuleRunner) -> None:
    text = program_text("one", output_path="x.pte") + program_text("two", output_path="x.pte")
    runner.write_files({"twins/BUILD": text})
    with pytest.raises(ExecutionError, match="twins:one and twins:two would both write dist/x.pte"):
        package(runner, SEEDED, address="twins:one")
    assert not (dist(runner) / "x.pte").exists()
