"""The tree: its files, the licences that it needs, and that packaging writes it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pants.core.goals.package import Package
from pants.engine.addresses import Address
from pants.engine.fs import DigestContents
from pants.engine.internals.graph import Owners, OwnersRequest
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import PYTHON_BOOTSTRAP_ENV, RuleRunner
from pants.util.frozendict import FrozenDict

from pte_build.aggregate.program_locks import ProgramLocks, ProgramLocksRequest
from pte_build.aggregate.tree import BuiltTree, BuiltTreeRequest, needed_licenses
from pte_build.errors import PteBuildError
from pte_build.program.declaration import DeclarationRequest, ProgramDeclaration
from pte_build.program.report import BuiltProgram
from pte_build.stand_in_repository import program_text, quantized_text, target_text
from pte_build.test_support import (
    QUANTIZED,
    SEEDED,
    failure,
    make_runner,
    refusal,
    session_settings,
    set_options,
    store_with_toolchain,
)

TREE = Address("", target_name="tree")
_PAGES = (("models", "html"), ("measured", "svg"))


def programs_of(*licenses: str) -> tuple[BuiltProgram, ...]:
    """One program for each licence, as far as licences go."""
    programs = tuple(
        SimpleNamespace(
            declaration=SimpleNamespace(address=Address("models/alpha", target_name=f"p{number}")),
            exported=SimpleNamespace(weights=SimpleNamespace(license=license_id)),
        )
        for number, license_id in enumerate(licenses)
    )
    return cast("tuple[BuiltProgram, ...]", programs)


def test_needed_licenses() -> None:
    declared = FrozenDict({"Zlib": "z.txt", "MIT": "mit.txt", "0BSD": "0.txt"})
    needed = needed_licenses(TREE, programs_of("MIT", "0BSD", "MIT"), declared)
    assert list(needed.items()) == [("0BSD", "0.txt"), ("MIT", "mit.txt")]


def test_a_license_without_text() -> None:
    with pytest.raises(PteBuildError) as caught:
        needed_licenses(TREE, programs_of("Zlib", "MIT"), FrozenDict({"Zlib": "z.txt"}))
    message = str(caught.value)
    assert message.startswith("//:tree: models/alpha:p1 is under MIT, but `licenses` has no file")


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(
        SEEDED,
        store=store_with_toolchain(),
        queries=(
            QueryRule(ProgramLocks, (ProgramLocksRequest,)),
            QueryRule(Owners, (OwnersRequest,)),
        ),
    )


def test_a_tree(runner: RuleRunner) -> None:
    built = runner.request(BuiltTree, [BuiltTreeRequest(TREE)])
    contents = runner.request(DigestContents, [built.digest])
    files = {file.path: file.content for file in contents}
    assert sorted(files) == [
        "1.4.1/alpha/README.md",
        "1.4.1/alpha/alpha_fast.pte",
        "1.4.1/alpha/alpha_slow.pte",
        "1.4.1/alpha/labels.txt",
        "1.4.1/beta/README.md",
        "1.4.1/beta/beta_slow.pte",
        "1.4.1/index.json",
        "LICENSES/MIT.txt",
        "README.md",
        "SHA256SUMS",
        "bom.cdx.json",
        "index.html",
        "index.json",
        "index.schema.json",
        "measured/alpha.svg",
        "measured/beta.svg",
        "models/alpha.html",
        "models/beta.html",
        "provenance.intoto.json",
        "versions.json",
    ]
    assert files["index.json"] == files["1.4.1/index.json"]
    assert files["1.4.1/alpha/labels.txt"] == b"cat\ncup"
    assert files["1.4.1/beta/README.md"] == b"what beta is for"
    assert files["LICENSES/MIT.txt"] == b"the text of the MIT licence"
    (index,) = built.indexes
    for program in index.programs:
        content = files[f"1.4.1/{program.declaration.pte_path[len('models/'):]}"]
        assert hashlib.sha256(content).hexdigest() == program.exported.pte.fingerprint
    # The tree writer gets the verdicts of the programs, and what the BUILD files say about their task.
    assert files["measured/beta.svg"] == b"passed"
    listed = {each["address"]: each for each in json.loads(files["index.html"])}
    assert listed["models/beta:beta_slow"]["task"] == "cup detection"
    assert listed["models/alpha:alpha_fast"]["task"] is None
    assert {each["model"] for each in listed.values()} == {"alpha", "beta"}
    # The tree writer's request lists every file except its own, with the right hashes.
    lines = (line.split() for line in files["SHA256SUMS"].decode().splitlines())
    sums = {path: sha256 for sha256, path in lines}
    own = {"README.md", "SHA256SUMS", "bom.cdx.json", "index.schema.json", "provenance.intoto.json"}
    own |= {"versions.json", "index.html"}
    own |= {f"{folder[0]}/{m}.{folder[1]}" for m in ("alpha", "beta") for folder in _PAGES}
    assert sums == {
        path: hashlib.sha256(content).hexdigest()
        for path, content in files.items()
        if path not in own
    }


def origin(runner: RuleRunner, *options: str) -> Any:
    """The tree's origin in the request to the tree writer."""
    set_options(runner, SEEDED, *options)
    built = runner.request(BuiltTree, [BuiltTreeRequest(TREE)])
    contents = runner.request(DigestContents, [built.digest])
    return json.loads(next(f.content for f in contents if f.path == "provenance.intoto.json"))


def test_the_origin_of_a_tree(runner: RuleRunner) -> None:
    locks = ["locks/engine.lock", "locks/extra.lock"]
    assert origin(runner) == {
        "target": "//:tree",
        "builder": "urn:pte-foundry:local",
        "source_commit": None,
        "locks": {
            "models/alpha:alpha_fast": locks,
            "models/alpha:alpha_slow": locks,
            "models/beta:beta_slow": locks,
        },
    }
    stated = origin(runner, f"--tree-source-commit={'0a' * 20}", "--tree-builder-id=https://ci")
    assert (stated["source_commit"], stated["builder"]) == ("0a" * 20, "https://ci")


def test_the_lockfile_of_the_calibration_pictures_is_an_origin(runner: RuleRunner) -> None:
    runner.write_files({"models/delta/BUILD": quantized_text("delta_int8_fast")})
    set_options(runner, SEEDED)
    declaration = runner.request(ProgramDeclaration, [DeclarationRequest(QUANTIZED)])
    locks = runner.request(ProgramLocks, [ProgramLocksRequest(declaration)])
    # The photographs' resolve is the builder's: listed once.
    assert locks.paths == ("locks/engine.lock", "locks/extra.lock")
    own = quantized_text("delta_int8_fast", builder_resolve="dev")
    runner.write_files({"models/delta/BUILD": own})
    set_options(runner, SEEDED)
    declaration = runner.request(ProgramDeclaration, [DeclarationRequest(QUANTIZED)])
    locks = runner.request(ProgramLocks, [ProgramLocksRequest(declaration)])
    assert locks.paths == ("locks/engine.lock", "locks/dev.lock", "locks/extra.lock")
    runner.write_files({"models/delta/BUILD": ""})


def test_package(runner: RuleRunner) -> None:
    arguments, environment = session_settings(SEEDED)
    runner.run_goal_rule(
        Package,
        global_args=arguments,
        args=["//:tree", "//:index"],
        env=environment,
        env_inherit=set(PYTHON_BOOTSTRAP_ENV),
    )
    dist = Path(runner.build_root, "dist")
    index = (dist / "index.json").read_bytes()
    assert (dist / "tree/1.4.1/index.json").read_bytes() == index
    assert (dist / "tree/1.4.1/beta/beta_slow.pte").is_file()


def declare(runner: RuleRunner, **fields: object) -> BuiltTreeRequest:
    runner.write_files({"bad/BUILD": target_text("model_tree", "t", **fields)})
    return BuiltTreeRequest(Address("bad", target_name="t"))


def test_a_license_that_no_file_has(runner: RuleRunner) -> None:
    request = declare(runner, index=["//:index"], licenses={"Zlib": "LICENSE"}, model_cards=[])
    message = refusal(runner, BuiltTree, request)
    assert message.startswith("bad:t: models/alpha:alpha_fast is under MIT")


def test_a_license_file_that_is_missing(runner: RuleRunner) -> None:
    request = declare(runner, index=["//:index"], licenses={"MIT": "NONESUCH"}, model_cards=[])
    message = str(failure(runner, BuiltTree, request))
    assert "NONESUCH" in message and "the `licenses` of bad:t" in message


def test_the_tree_writer_gets_the_measured_latencies(runner: RuleRunner) -> None:
    files = {"results/a.json": "{of a}", "results/b.json": "{of b}", "results/not.json": "none"}
    runner.write_files({**files, "BUILD.more": _with_latencies("results/b.json", "results/a.json")})
    set_options(runner, SEEDED)
    request = BuiltTreeRequest(Address("", target_name="timed"))
    built = runner.request(BuiltTree, [request])
    contents = {file.path: file.content for file in runner.request(DigestContents, [built.digest])}
    readme = "README.md results/a.json: {of a} results/b.json: {of b}"
    assert contents["README.md"].decode() == readme
    assert not any("results" in path or "latencies" in path for path in contents)

    runner.write_files({"BUILD.more": _with_latencies("results/not.json")})
    set_options(runner, SEEDED)
    message = refusal(runner, BuiltTree, request)
    assert message.startswith("//:timed: not written: bad-latencies: results/not.json is not JSON")


def _with_latencies(*latencies: str) -> str:
    return target_text(
        "model_tree",
        "timed",
        index=[":index"],
        licenses={"MIT": "LICENSE"},
        model_cards=["models/*/README.md"],
        latencies=list(latencies),
    )


def test_a_file_of_latencies_that_is_missing(runner: RuleRunner) -> None:
    # An existing file does not make up for a missing one, which is reported before the index, which is missing too.
    request = declare(
        runner,
        index=["//:nonesuch"],
        licenses={},
        model_cards=[],
        latencies=["LICENSE", "results/nonesuch.json"],
    )
    message = str(failure(runner, BuiltTree, request))
    assert "results/nonesuch.json" in message and "the `latencies` of bad:t" in message


RESULTS = {
    "models/alpha/device_results/alpha_fast.json": "{fast}",
    "models/alpha/device_results/notes.txt": "no result",
    "elsewhere/b.json": "{b}",
}


def _with_device_results(*paths: str) -> str:
    return target_text(
        "model_tree",
        "measured",
        index=[":index"],
        licenses={"MIT": "LICENSE"},
        model_cards=["models/*/README.md"],
        device_results=list(paths),
    )


def test_the_tree_writer_gets_what_devices_measured(runner: RuleRunner) -> None:
    request = BuiltTreeRequest(Address("", target_name="measured"))
    for paths, expected in (
        (
            ("models/**/device_results/*.json", "elsewhere/b.json"),
            " elsewhere/b.json: {b} models/alpha/device_results/alpha_fast.json: {fast}",
        ),
        # A pattern may match nothing: most models have no results.
        (("models/beta/device_results/*.json",), ""),
    ):
        runner.write_files({**RESULTS, "BUILD.more": _with_device_results(*paths)})
        set_options(runner, SEEDED)
        built = runner.request(BuiltTree, [request])
        files = {file.path: file.content for file in runner.request(DigestContents, [built.digest])}
        assert files["README.md"].decode() == f"README.md{expected}"
        assert not any("device_results" in path or "elsewhere" in path for path in files)


def test_a_file_of_device_results_that_is_missing(runner: RuleRunner) -> None:
    request = declare(
        runner,
        index=["//:nonesuch"],
        licenses={},
        model_cards=[],
        device_results=["results/*.json", "results/nonesuch.json"],
    )
    message = str(failure(runner, BuiltTree, request))
    assert "results/nonesuch.json" in message and "the `device_results` of bad:t" in message


def test_a_device_result_belongs_to_the_trees_that_show_it(runner: RuleRunner) -> None:
    declared = _with_device_results("models/**/device_results/*.json")
    runner.write_files({**RESULTS, "BUILD.more": declared})
    set_options(runner, SEEDED)
    for path in RESULTS:
        owners = runner.request(Owners, [OwnersRequest((path,))])
        assert (Address("", target_name="measured") in owners) == ("alpha_fast" in path)
        assert TREE not in owners
    runner.write_files({"BUILD.more": ""})


def test_an_index_that_is_none(runner: RuleRunner) -> None:
    request = declare(
        runner, index=["//:index", "models/alpha:alpha_fast"], licenses={}, model_cards=[]
    )
    message = refusal(runner, BuiltTree, request)
    assert "models/alpha:alpha_fast, which is a `pte_program`, not a `model_index`" in message
    request = declare(runner, index=[], licenses={}, model_cards=[])
    assert refusal(runner, BuiltTree, request) == "bad:t: `index` names nothing. Name an index."


def test_two_versions(runner: RuleRunner) -> None:
    """Each has a folder; the first index is that of the root."""
    older = program_text("older_fast", labels="labels.txt") + target_text(
        "pte_test", "older_fast_test", program=[":older_fast"]
    )
    alpha = Path(runner.build_root, "models/alpha/BUILD").read_text()
    runner.write_files(
        {
            "models/alpha/BUILD": alpha + older,
            "BUILD.more": target_text(
                "model_index", "now", programs=["models::", "-models/alpha:older_fast"]
            )
            + target_text("model_index", "before", programs=["models/alpha:older_fast"])
            + target_text(
                "model_tree",
                "both",
                index=[":now", ":before"],
                licenses={"MIT": "LICENSE"},
                model_cards=["models/*/README.md"],
            ),
        }
    )
    set_options(runner, SEEDED)
    built = runner.request(BuiltTree, [BuiltTreeRequest(Address("", target_name="both"))])
    runner.write_files({"models/alpha/BUILD": alpha, "BUILD.more": ""})
    assert [index.version for index in built.indexes] == ["1.4.1", "1.3.0"]
    contents = runner.request(DigestContents, [built.digest])
    files = {file.path: file.content for file in contents}
    assert sorted(path for path in files if path.startswith("1.3.0/")) == [
        "1.3.0/alpha/README.md",
        "1.3.0/alpha/labels.txt",
        "1.3.0/alpha/older_fast.pte",
        "1.3.0/index.json",
    ]
    assert files["index.json"] == files["1.4.1/index.json"] != files["1.3.0/index.json"]
    assert "1.4.1/alpha/alpha_fast.pte" in files and "1.4.1/alpha/older_fast.pte" not in files
    listed = {each["address"] for each in json.loads(files["index.html"])}
    assert {"models/alpha:older_fast", "models/beta:beta_slow"} < listed


def test_a_family_without_a_model_card(runner: RuleRunner) -> None:
    request = declare(
        runner, index=["//:index"], licenses={"MIT": "LICENSE"}, model_cards=["README.md"]
    )
    runner.write_files({"LICENSE": "the text", "bad/README.md": "of no family"})
    set_options(runner, SEEDED)
    message = refusal(runner, BuiltTree, request)
    assert message.startswith("bad:t: models/alpha:alpha_fast has no model card: `model_cards` ")
    assert "models/alpha/README.md" in message
