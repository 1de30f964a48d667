"""A cache that fails makes a build slower, never wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Timer

import grpc
import pytest

from cache_server.command.address import Address
from cache_server.command.free_port import free_port
from remote_cache import tiny_program
from remote_cache.bad_server import answering, closing, silent, slowed
from remote_cache.conftest import MakeMachine
from remote_cache.server import Server
from remote_cache.variants import SEEDED, Variants, sha256

# How long the slowest of these may take: no fault is waited for without end.
_SECONDS = 240


def assert_built_here(variants: Variants, address: str | None = None) -> str:
    """The reader exports by itself, in time, and writes what the writer wrote; its output."""
    start = time.monotonic()
    outcome = variants.read(address=address)
    assert time.monotonic() - start < _SECONDS
    assert outcome.exit_code == 0, outcome.output
    assert outcome.exports == [tiny_program.ADDRESS]
    return outcome.output


def test_a_server_that_is_absent(variants: Variants) -> None:
    right = variants.write()
    output = assert_built_here(variants, f"grpc://127.0.0.1:{free_port()}")
    assert variants.reader_has(right)
    assert "remote cache" in output


@pytest.mark.parametrize(
    "bad_server",
    [
        closing,
        silent,
        *(
            lambda code=code: answering(code)
            for code in (
                grpc.StatusCode.UNAVAILABLE,
                grpc.StatusCode.INTERNAL,
                grpc.StatusCode.PERMISSION_DENIED,
            )
        ),
    ],
    ids=["closing", "silent", "unavailable", "internal", "denied"],
)
def test_a_server_that_does_not_answer(
    variants: Variants, bad_server: Callable[[], AbstractContextManager[Address]]
) -> None:
    right = variants.write()
    with bad_server() as address:
        assert_built_here(variants, address.url)
    assert variants.reader_has(right)


def test_a_slow_server(variants: Variants, server: Server) -> None:
    right = variants.write()
    with slowed(server.address, bytes_per_second=1000) as address:
        assert_built_here(variants, address.url)
    assert variants.reader_has(right)


def test_a_blob_that_the_server_has_lost(variants: Variants, server: Server) -> None:
    right = variants.write()
    server.blob(sha256(right)).unlink()
    assert_built_here(variants)
    assert variants.reader_has(right)


def test_a_blob_that_was_changed_on_the_server(variants: Variants, server: Server) -> None:
    right = variants.write()
    blob = server.blob(sha256(right))
    blob.chmod(0o600)
    blob.write_bytes(bytes(len(right)))
    outcome = variants.read()
    # Never the wrong bytes.
    assert variants.reader_has(right) == (outcome.exit_code == 0), outcome.output


def test_a_server_that_was_restarted(variants: Variants, server: Server) -> None:
    right = variants.write()
    server.stop()
    server.start()
    outcome = variants.read()
    assert (outcome.exit_code, outcome.exports) == (0, []), outcome.output
    assert variants.reader_has(right)


def test_a_server_that_dies_in_mid_build(variants: Variants, server: Server) -> None:
    right = variants.write()
    variants.next()
    # Not before it was reached: the toolchain's action, at the latest, is looked up by then.
    killed = Timer(4, server.kill)
    killed.start()
    outcome = variants.writer.clone.run(SEEDED, "package", tiny_program.ADDRESS)
    killed.join()
    server.stop()
    server.start()
    assert outcome.exit_code == 0, outcome.output
    assert outcome.exports == [tiny_program.ADDRESS]
    assert variants.writer.clone.dist_files()[tiny_program.PTE] != right


def test_a_server_without_room(
    variants: Variants, new_server: Callable[..., Server], new_machine: MakeMachine
) -> None:
    """A quota that the toolchain alone exceeds."""
    full = new_server("full", quota="1M")
    machine = new_machine("carol", full.address.url, PANTS_REMOTE_CACHE_WRITE="true")
    tiny_program.declare(machine.clone.root)
    outcome = machine.clone.run(SEEDED, "package", tiny_program.ADDRESS)
    assert outcome.exit_code == 0, outcome.output
    assert tiny_program.PTE in machine.clone.dist_files()
