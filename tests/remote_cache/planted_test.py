"""What somebody else who may write to the cache can make of a build, and what not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from buildstream._protos.build.bazel.remote.execution.v2 import (
    remote_execution_pb2 as messages,
)

from remote_cache import tiny_program
from remote_cache.reapi import Client
from remote_cache.server import Server
from remote_cache.variants import Variants, files_beside, sha256

EVIL = b"what no export has written"


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return Client(server.address)


def plant(
    variants: Variants, server: Server, client: Client, change: Callable[[Any], None]
) -> bytes:
    """Let the writer build, then change the result in the cache; the right bytes."""
    right = variants.write()
    action = client.action_with(server.actions(), "program.pte", sha256(right))
    result = client.result(action)
    change(result)
    client.plant(action, result)
    return right


def file_of(result: Any, name: str) -> Any:
    (found,) = (each for each in result.output_files if each.path == name)
    return found


def assert_refused(variants: Variants, *expected: str) -> None:
    outcome = variants.read()
    assert outcome.exit_code == 1, outcome.output
    for text in (tiny_program.ADDRESS, *expected):
        assert text in outcome.output
    assert variants.reader.clone.dist_files() == {}


def test_other_bytes_are_refused(variants: Variants, server: Server, client: Client) -> None:
    def change(result: Any) -> None:
        file_of(result, "program.pte").digest.CopyFrom(client.put(EVIL))

    right = plant(variants, server, client, change)
    assert_refused(variants, "a cache returned a .pte", sha256(EVIL), sha256(right))


def test_a_result_without_its_program_is_refused(
    variants: Variants, server: Server, client: Client
) -> None:
    def change(result: Any) -> None:
        result.output_files.remove(file_of(result, "program.pte"))

    plant(variants, server, client, change)
    assert_refused(variants, "without the file program.pte")


def test_a_link_is_no_program(variants: Variants, server: Server, client: Client) -> None:
    def change(result: Any) -> None:
        result.output_files.remove(file_of(result, "program.pte"))
        result.output_file_symlinks.append(
            messages.OutputSymlink(path="program.pte", target="/etc/passwd")
        )

    right = plant(variants, server, client, change)
    outcome = variants.read()
    # Refused, or not taken for a result and built again.
    assert outcome.exit_code == 1 or variants.reader_has(right), outcome.output


@pytest.mark.parametrize("path", ["../escaped", "../../../../escaped", "/tmp/escaped", "a/../../b"])
def test_files_elsewhere_are_not_written(
    variants: Variants, server: Server, client: Client, path: str
) -> None:
    def change(result: Any) -> None:
        result.output_files.append(messages.OutputFile(path=path, digest=client.put(EVIL)))

    before = files_beside(variants.reader.folder / "work")
    right = plant(variants, server, client, change)
    outcome = variants.read()
    assert variants.reader_has(right) == (outcome.exit_code == 0), outcome.output
    assert files_beside(variants.reader.folder / "work") == before
    assert set(variants.reader.clone.dist_files()) <= {
        tiny_program.PTE,
        tiny_program.PTE.replace(".pte", ".json"),
    }


def test_a_program_with_fitting_facts_fails_its_test(
    variants: Variants, server: Server, client: Client
) -> None:
    def change(result: Any) -> None:
        file_of(result, "program.pte").digest.CopyFrom(client.put(EVIL))
        facts = file_of(result, "facts.json")
        content = json.loads(client.get(facts.digest))
        content["pte"].update(sha256=sha256(EVIL), size=len(EVIL))
        facts.digest.CopyFrom(client.put(json.dumps(content).encode()))

    plant(variants, server, client, change)
    # This is what a writer of the cache can do, and why there must be no other than trusted ones.
    outcome = variants.read()
    assert outcome.exit_code == 0, outcome.output
    assert variants.reader_has(EVIL)
    # But it gets into no index.
    outcome = variants.read("test", f"{tiny_program.ADDRESS}_test")
    assert outcome.exit_code == 1, outcome.output
    assert f"{tiny_program.ADDRESS}_test failed" in outcome.output


def test_nobody_can_plant_a_report(variants: Variants, server: Server, client: Client) -> None:
    right = variants.write()
    assert client.action_with(server.actions(), "program.pte", sha256(right))
    report = variants.writer.clone.dist_files()[tiny_program.PTE.replace(".pte", ".json")]
    with pytest.raises(LookupError):
        client.action_with(server.actions(), "report.json", sha256(report))
