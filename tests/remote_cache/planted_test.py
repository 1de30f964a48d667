"""What another writer of the cache can and cannot do to a build."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from buildstream._protos.build.bazel.remote.execution.v2 import (
    remote_execution_pb2 as messages,
)

from remote_cache.machines import PROGRAM, PTE, REPORT
from remote_cache.pair import Pair, sha256
from remote_cache.reapi import Client

# The stand-in validation fails for content with the word "wrong".
EVIL = b"wrong: no export has written this"


@pytest.fixture(scope="module")
def client(pair: Pair) -> Client:
    return Client(pair.server.address)


def plant(pair: Pair, client: Client, change: Callable[[Any], None]) -> bytes:
    """Let the writer build, and change the result in the cache; the right bytes."""
    right = pair.write()
    actions = client.actions_with(pair.server, "program.pte", sha256(right))
    # Under the keys of the export and of the declaration.
    assert len(actions) == 2
    for action in actions:
        result = client.result(action)
        change(result)
        client.plant(action, result)
    return right


def file_of(result: Any, name: str) -> Any:
    (found,) = (each for each in result.output_files if each.path == name)
    return found


def assert_refused(pair: Pair, *expected: str) -> None:
    outcome = pair.reader.package()
    assert outcome.exit_code == 1, outcome.output
    for text in (PROGRAM, *expected):
        assert text in outcome.output
    assert pair.reader.clone.dist_files() == {}


def test_other_bytes_are_refused(pair: Pair, client: Client) -> None:
    def change(result: Any) -> None:
        file_of(result, "program.pte").digest.CopyFrom(client.put(EVIL))

    right = plant(pair, client, change)
    assert_refused(pair, "a cache returned a .pte", sha256(EVIL), sha256(right))


def test_a_result_without_its_program_is_refused(pair: Pair, client: Client) -> None:
    def change(result: Any) -> None:
        result.output_files.remove(file_of(result, "program.pte"))

    plant(pair, client, change)
    assert_refused(pair, "without the file program.pte")


def test_a_link_is_no_program(pair: Pair, client: Client) -> None:
    def change(result: Any) -> None:
        result.output_files.remove(file_of(result, "program.pte"))
        result.output_file_symlinks.append(
            messages.OutputSymlink(path="program.pte", target="/etc/passwd")
        )

    plant(pair, client, change)
    assert_refused(pair, "without the file program.pte")


@pytest.mark.parametrize("path", ["../escaped", "../../../../escaped", "/tmp/escaped", "a/../../b"])
def test_files_elsewhere_are_not_written(pair: Pair, client: Client, path: str) -> None:
    def change(result: Any) -> None:
        result.output_files.append(messages.OutputFile(path=path, digest=client.put(EVIL)))

    before = files_of(pair.reader.folder)
    right = plant(pair, client, change)
    outcome = pair.reader.package()
    # Taken without that file, or refused.
    assert (pair.reader.pte() == right) == (outcome.exit_code == 0), outcome.output
    assert files_of(pair.reader.folder) - before <= {
        f"workspace/dist/{REPORT}",
        f"workspace/dist/{PTE}",
    }
    assert not Path("/tmp/escaped").exists()


def test_a_program_with_fitting_facts_fails_its_test(pair: Pair, client: Client) -> None:
    def change(result: Any) -> None:
        file_of(result, "program.pte").digest.CopyFrom(client.put(EVIL))
        facts = file_of(result, "facts.json")
        content = json.loads(client.get(facts.digest))
        content["pte"].update(sha256=sha256(EVIL), size=len(EVIL))
        facts.digest.CopyFrom(client.put(json.dumps(content).encode()))

    plant(pair, client, change)
    # This is why only trusted writers may use the cache.
    outcome = pair.reader.package()
    assert outcome.exit_code == 0, outcome.output
    assert pair.reader.pte() == EVIL
    # But it does not get into an index.
    outcome = pair.reader.test()
    assert outcome.exit_code == 1, outcome.output
    assert f"{PROGRAM}_test failed" in outcome.output


def test_nobody_can_plant_a_report(pair: Pair, client: Client) -> None:
    right = pair.write()
    assert client.actions_with(pair.server, "program.pte", sha256(right))
    report = pair.writer.clone.dist_files()[REPORT]
    assert not client.actions_with(pair.server, "report.json", sha256(report))


def files_of(folder: Path) -> set[str]:
    """All paths in a machine's folder but those of Pants itself."""
    skipped = {".pants.d", ".pids", "store", "home"}
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not skipped & set(path.relative_to(folder).parts)
    }
