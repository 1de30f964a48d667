from __future__ import annotations

import hashlib
from types import SimpleNamespace
from typing import Any

import pytest
from pants.engine.addresses import Address
from pants.engine.fs import DigestContents, FileDigest
from pants.testutil.rule_runner import RuleRunner

from pte_build.aggregate.index import (
    BuiltIndex,
    BuiltIndexRequest,
    describe_failures,
    family_labels,
)
from pte_build.aggregate.tree import BuiltTree, BuiltTreeRequest
from pte_build.errors import PteBuildError
from pte_build.program.labels import ProgramLabels
from pte_build.stand_in_repository import program_text, target_text
from pte_build.test_support import (
    SEEDED,
    make_runner,
    read_json,
    refusal,
    set_options,
    store_with_toolchain,
)

INDEX = Address("", target_name="index")
TREE = Address("", target_name="tree")


def built(name: str, labels: ProgramLabels | None = None, family: str = "alpha") -> Any:
    address = Address(f"models/{family}", target_name=name)
    return SimpleNamespace(
        declaration=SimpleNamespace(address=address, family=family), labels=labels
    )


def outcome(name: str, passed: bool, stdout: str = "") -> Any:
    return SimpleNamespace(
        program=built(name),
        test=Address("models/alpha", target_name=f"{name}_test"),
        passed=passed,
        result=SimpleNamespace(
            process=SimpleNamespace(stdout=stdout.encode(), stderr=b"only on stderr")
        ),
    )


def test_failures_are_listed_with_address_test_and_reason() -> None:
    message = describe_failures(INDEX, (outcome("a", True), outcome("b", False, "cosine 0.1")), {})
    assert message is not None
    assert "//:index: not written" in message
    assert "models/alpha:b (models/alpha:b_test failed)" in message
    assert "cosine 0.1" in message
    assert "models/alpha:a" not in message


def test_a_failure_without_output_on_stdout_shows_stderr() -> None:
    message = describe_failures(INDEX, (outcome("b", False),), {})
    assert message is not None
    assert "only on stderr" in message


def test_no_message_without_failures() -> None:
    assert describe_failures(INDEX, (outcome("a", True),), {}) is None


def test_a_family_has_one_label_file() -> None:
    one = ProgramLabels("models/alpha/labels.txt", FileDigest("a" * 64, 1))
    other = ProgramLabels("models/alpha/labels.txt", FileDigest("b" * 64, 1))
    assert family_labels((built("a", one), built("b", one), built("c"))) == {"alpha": one}
    with pytest.raises(PteBuildError, match="models/alpha:a and models/alpha:b .* different label"):
        family_labels((built("a", one), built("b", other)))


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(SEEDED, store=store_with_toolchain())


def contents(runner: RuleRunner, digest: object) -> dict[str, bytes]:
    return {file.path: file.content for file in runner.request(DigestContents, [digest])}


def test_the_tree_holds_programs_labels_licences_and_the_index(runner: RuleRunner) -> None:
    set_options(runner, SEEDED)
    tree = runner.request(BuiltTree, [BuiltTreeRequest(TREE)])
    files = contents(runner, tree.digest)
    version = tree.indexes[0].version
    assert {
        "index.json",
        f"{version}/index.json",
        f"{version}/alpha/alpha_fast.pte",
        f"{version}/alpha/alpha_slow.pte",
        f"{version}/alpha/labels.txt",
        f"{version}/alpha/README.md",
        f"{version}/beta/README.md",
        f"{version}/beta/beta_slow.pte",
        "LICENSES/MIT.txt",
        "SHA256SUMS",
        "README.md",
        "versions.json",
        "index.schema.json",
        "bom.cdx.json",
        "provenance.intoto.json",
        "index.html",
        "models/alpha.html",
        "models/beta.html",
        "measured/alpha.svg",
        "measured/beta.svg",
    } == set(files)
    assert files["index.json"] == files[f"{version}/index.json"]
    assert files["LICENSES/MIT.txt"] == b"the text of the MIT licence"


def test_a_program_without_a_test_gets_into_no_index(runner: RuleRunner) -> None:
    runner.write_files({"models/gamma/BUILD": program_text("gamma_fast")})
    try:
        set_options(runner, SEEDED)
        message = refusal(runner, BuiltIndex, BuiltIndexRequest(INDEX, INDEX))
        assert "models/gamma:gamma_fast: it has no test" in message
        assert "gamma_fast_test" in message
    finally:
        runner.write_files({"models/gamma/BUILD": ""})


def test_a_failed_validation_gets_into_no_index(runner: RuleRunner) -> None:
    builder = "src/python/pte_foundry/models/wrong.py"
    runner.write_files(
        {
            builder: "CONTENT = 'wrong'\n",
            "models/gamma/BUILD": program_text("gamma_fast", builder=[builder])
            + target_text("pte_test", "gamma_fast_test", program=[":gamma_fast"]),
        }
    )
    try:
        set_options(runner, SEEDED)
        message = refusal(runner, BuiltIndex, BuiltIndexRequest(INDEX, INDEX))
        assert "models/gamma:gamma_fast (models/gamma:gamma_fast_test failed)" in message
        assert "models/alpha:alpha_fast" not in message
    finally:
        runner.write_files({"models/gamma/BUILD": ""})


def test_one_program_that_fails_does_not_hide_the_others(runner: RuleRunner) -> None:
    """Two that cannot be built and one that fails its test, each on a line of its own; what passed stays built."""
    wrong, broken = (f"src/python/pte_foundry/models/{name}.py" for name in ("wrong", "broken"))
    runner.write_files(
        {
            wrong: "CONTENT = 'wrong'\n",
            broken: "raise ValueError('a broken builder')\n",
            "models/gamma/BUILD": "".join(
                program_text(name, builder=[builder])
                + target_text("pte_test", f"{name}_test", program=[f":{name}"])
                for name, builder in (("a_fast", broken), ("b_fast", wrong))
            )
            + program_text("c_fast"),
        }
    )
    try:
        set_options(runner, SEEDED)
        message = refusal(runner, BuiltIndex, BuiltIndexRequest(INDEX, INDEX))
        assert "\n  - models/gamma:a_fast: export failed: " in message, message
        assert "\n  - models/gamma:b_fast (models/gamma:b_fast_test failed)" in message
        assert "\n  - models/gamma:c_fast: it has no test." in message
        assert "models/alpha" not in message and "The whole log" not in message
        # It is not memoized: what has been fixed is built in the next session.
        runner.write_files({"models/gamma/BUILD": ""})
        set_options(runner, SEEDED)
        assert runner.request(BuiltIndex, [BuiltIndexRequest(INDEX, INDEX)]).programs
    finally:
        runner.write_files({"models/gamma/BUILD": ""})


def test_a_licence_without_a_text_is_refused(runner: RuleRunner) -> None:
    name = Address("other", target_name="tree")
    runner.write_files(
        {
            "other/BUILD": target_text(
                "model_tree",
                "tree",
                index=["//:index"],
                licenses={"BSD-3-Clause": "LICENSE"},
                model_cards=[],
            )
        }
    )
    set_options(runner, SEEDED)
    message = refusal(runner, BuiltTree, BuiltTreeRequest(name))
    assert "other:tree: models/alpha:alpha_fast is under MIT" in message


def test_an_index_of_nothing_is_refused(runner: RuleRunner) -> None:
    name = Address("empty", target_name="index")
    runner.write_files({"empty/BUILD": target_text("model_index", "index", programs=["empty::"])})
    set_options(runner, SEEDED)
    assert "empty:index: empty:: matches no `pte_program`" in refusal(
        runner, BuiltIndex, BuiltIndexRequest(name, name)
    )


def test_an_unpinned_checkpoint_fails_the_index(runner: RuleRunner) -> None:
    set_options(runner)
    message = refusal(runner, BuiltIndex, BuiltIndexRequest(INDEX, INDEX))
    assert "models/beta:beta_weights" in message or "models/alpha:alpha_weights" in message


def test_the_request_to_the_index_writer(runner: RuleRunner) -> None:
    set_options(
        runner, SEEDED, "--index-base-url=https://x", "--index-generated=2020-01-01T00:00:00Z"
    )
    index = runner.request(BuiltIndex, [BuiltIndexRequest(INDEX, INDEX)])
    request = read_json(runner, index.content)["request"]
    assert (request["base_url"], request["generated"]) == ("https://x", "2020-01-01T00:00:00Z")
    # Each path goes with the report of its own program.
    listed = [(a["path"], a["report"]["declared"]["address"]) for a in request["artifacts"]]
    assert listed == [
        ("alpha/alpha_fast.pte", "models/alpha:alpha_fast"),
        ("alpha/alpha_slow.pte", "models/alpha:alpha_slow"),
        ("beta/beta_slow.pte", "models/beta:beta_slow"),
    ]
    for artifact, program in zip(request["artifacts"], index.programs):
        assert artifact["report"]["facts"]["pte"]["sha256"] == program.exported.pte.fingerprint
        evidence = "interpreted" if "slow" in artifact["path"] else "executed"
        assert artifact["validation"] == {"verdict": "passed", "evidence": evidence}
    sha256 = hashlib.sha256(b"cat\ncup").hexdigest()
    labels = {"category": "alpha", "name": "labels.txt", "sha256": sha256, "size": 7}
    assert (request["labels"], request["unavailable"]) == ([labels], [])


def test_another_target_in_the_place_of_an_index_is_refused(runner: RuleRunner) -> None:
    backend = Address("toolchains", target_name="fast")
    assert refusal(runner, BuiltIndex, BuiltIndexRequest(backend, TREE)) == (
        "//:tree: `index` names toolchains:fast, which is a `pte_backend`, not a `model_index`."
    )
