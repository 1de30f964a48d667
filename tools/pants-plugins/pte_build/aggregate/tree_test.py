"""The tree: its files, the licences that it needs, and that packaging writes it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pants.core.goals.package import Package
from pants.engine.addresses import Address
from pants.engine.fs import DigestContents, FileDigest
from pants.testutil.rule_runner import PYTHON_BOOTSTRAP_ENV, RuleRunner
from pants.util.frozendict import FrozenDict

from pte_build.aggregate.conditions import Conditions
from pte_build.aggregate.index import BuiltIndex
from pte_build.aggregate.tree import BuiltTree, TreeRequest, needed_licenses
from pte_build.errors import PteBuildError
from pte_build.stand_in_repository import target_text
from pte_build.test_support import SEEDED, failure, make_runner, refusal, session_settings

TREE = Address("", target_name="tree")


def index_of(*licenses: str) -> BuiltIndex:
    """An index of one program for each licence, as far as licences go."""
    programs: Any = tuple(
        SimpleNamespace(
            declaration=SimpleNamespace(address=Address("models/alpha", target_name=f"p{number}")),
            exported=SimpleNamespace(weights=SimpleNamespace(license=license_id)),
        )
        for number, license_id in enumerate(licenses)
    )
    return BuiltIndex(FileDigest("0a" * 32, 1), "1.4.1", programs, Conditions((), ()))


def test_needed_licenses() -> None:
    declared = FrozenDict({"Zlib": "z.txt", "MIT": "mit.txt", "0BSD": "0.txt"})
    needed = needed_licenses(TREE, index_of("MIT", "0BSD", "MIT"), declared)
    assert list(needed.items()) == [("0BSD", "0.txt"), ("MIT", "mit.txt")]


def test_a_license_without_text() -> None:
    with pytest.raises(PteBuildError) as caught:
        needed_licenses(TREE, index_of("Zlib", "MIT"), FrozenDict({"Zlib": "z.txt"}))
    message = str(caught.value)
    assert message.startswith("//:tree: models/alpha:p1 is under MIT, but `licenses` has no file")


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(SEEDED)


def test_a_tree(runner: RuleRunner) -> None:
    built = runner.request(BuiltTree, [TreeRequest(TREE)])
    contents = runner.request(DigestContents, [built.digest])
    files = {file.path: file.content for file in contents}
    assert sorted(files) == [
        "1.4.1/alpha/alpha_fast.pte",
        "1.4.1/alpha/alpha_slow.pte",
        "1.4.1/alpha/labels.txt",
        "1.4.1/beta/beta_slow.pte",
        "1.4.1/index.json",
        "LICENSES/MIT.txt",
        "README.md",
        "SHA256SUMS",
        "index.json",
        "index.schema.json",
        "versions.json",
    ]
    assert files["index.json"] == files["1.4.1/index.json"]
    assert files["1.4.1/alpha/labels.txt"] == b"cat\ncup"
    assert files["LICENSES/MIT.txt"] == b"the text of the MIT licence"
    for program in built.index.programs:
        content = files[f"1.4.1/{program.declaration.pte_path[len('models/'):]}"]
        assert hashlib.sha256(content).hexdigest() == program.exported.pte.fingerprint
    # The tree writer is told of every file but its own, with the right hashes.
    lines = (line.split() for line in files["SHA256SUMS"].decode().splitlines())
    sums = {path: sha256 for sha256, path in lines}
    own = {"README.md", "SHA256SUMS", "index.schema.json", "versions.json"}
    assert sums == {
        path: hashlib.sha256(content).hexdigest()
        for path, content in files.items()
        if path not in own
    }


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


def declare(runner: RuleRunner, **fields: object) -> TreeRequest:
    runner.write_files({"bad/BUILD": target_text("model_tree", "t", **fields)})
    return TreeRequest(Address("bad", target_name="t"))


def test_a_license_that_no_file_has(runner: RuleRunner) -> None:
    request = declare(runner, index=["//:index"], licenses={"Zlib": "LICENSE"})
    message = refusal(runner, BuiltTree, request)
    assert message.startswith("bad:t: models/alpha:alpha_fast is under MIT")


def test_a_license_file_that_is_missing(runner: RuleRunner) -> None:
    request = declare(runner, index=["//:index"], licenses={"MIT": "NONESUCH"})
    message = str(failure(runner, BuiltTree, request))
    assert "NONESUCH" in message and "the `licenses` of bad:t" in message


def test_two_indexes(runner: RuleRunner) -> None:
    request = declare(runner, index=["//:index", "models/alpha:alpha_fast"], licenses={})
    assert "bad:t: `index` must name exactly one target" in refusal(runner, BuiltTree, request)
