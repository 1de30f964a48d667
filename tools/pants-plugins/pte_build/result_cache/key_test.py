"""A key changes with all that a result depends on, and with nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from pants.engine.fs import EMPTY_DIGEST, Digest
from pants.engine.process import Process
from pants.util.logging import LogLevel

from pte_build.result_cache.key import result_key
from pte_build.toolchain.identity import ToolchainIdentity
from pte_build.toolchain.process import toolchain_process

TOOLCHAIN = ToolchainIdentity(("0a" * 32, "0b" * 32), ("pex v2",))
PROCESS = toolchain_process(
    ("-m", "some.module"),
    input_digest=EMPTY_DIGEST,
    output_files=("out",),
    environment={"A": "1"},
    description="A process",
    timeout_seconds=7,
)

Change = Callable[[Process], Process]


def changed(**fields: object) -> Change:
    return lambda process: dataclasses.replace(process, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        changed(argv=(*PROCESS.argv, "--more")),
        changed(env={**PROCESS.env, "A": "2"}),
        changed(input_digest=Digest("0c" * 32, 80)),
        changed(output_files=("out", "more")),
        changed(append_only_caches={}),
        changed(timeout_seconds=8),
    ],
)
def test_what_a_result_depends_on(change: Change) -> None:
    assert result_key(change(PROCESS), TOOLCHAIN) != result_key(PROCESS, TOOLCHAIN)


@pytest.mark.parametrize(
    "toolchain",
    [
        dataclasses.replace(TOOLCHAIN, locks_sha256=("0a" * 32, "0d" * 32)),
        dataclasses.replace(TOOLCHAIN, locks_sha256=TOOLCHAIN.locks_sha256[::-1]),
        dataclasses.replace(TOOLCHAIN, recipe=("pex v3",)),
    ],
)
def test_toolchains(toolchain: ToolchainIdentity) -> None:
    assert result_key(PROCESS, toolchain) != result_key(PROCESS, TOOLCHAIN)


def test_the_description_does_not_count() -> None:
    same = changed(description="Another name", level=LogLevel.DEBUG)(PROCESS)
    assert result_key(same, TOOLCHAIN) == result_key(PROCESS, TOOLCHAIN)
