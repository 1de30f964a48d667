"""Processes say nothing about the machine that they run on."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from pants.engine.fs import EMPTY_DIGEST
from pants.engine.process import Process

from pte_build.toolchain.process import library_process, toolchain_process

KINDS = ("library", "toolchain")
# Paths that every Linux and macOS machine has, with the same meaning.
EVERYWHERE = {"/bin/sh", "/usr/bin:/bin"}


def make(kind: str) -> Process:
    maker: Callable[..., Process] = library_process
    if kind == "toolchain":
        maker = toolchain_process
    return maker(
        ("-m", "some.module", "request.json"),
        input_digest=EMPTY_DIGEST,
        output_files=("out",),
        description="A process",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_no_path_of_the_machine(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "PATH", "USER", "LANG", "TZ", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "/of/this/machine")
    process = make(kind)
    texts = [*process.argv, *process.env.values(), *dict(process.append_only_caches).values()]
    absolute = {text for text in texts if re.search(r"(^|[\s:=\"'])/", text)}
    assert absolute <= EVERYWHERE
    assert process.env["HOME"] == ".home"


@pytest.mark.parametrize("kind", KINDS)
def test_floating_point_and_threads_are_fixed(kind: str) -> None:
    environment = make(kind).env
    assert environment["ATEN_CPU_CAPABILITY"] == "default"
    assert environment["OMP_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == "1"
    assert environment["ONEDNN_MAX_CPU_ISA"] == environment["DNNL_MAX_CPU_ISA"] == "SSE41"
    assert environment["PYTHONHASHSEED"] == "0"


@pytest.mark.parametrize("kind", KINDS)
def test_the_arguments_get_into_the_process(kind: str) -> None:
    process = make(kind)
    assert process.argv[-3:] == ("-m", "some.module", "request.json")
    assert process.output_files == ("out",)
    assert process.description == "A process"


def test_source_roots_environment_and_timeout() -> None:
    process = toolchain_process(
        ("-V",),
        input_digest=EMPTY_DIGEST,
        output_files=(),
        description="",
        source_roots=("src/python", "other"),
        environment={"QNN_SDK_ROOT": "sdk/qnn"},
        timeout_seconds=5,
    )
    assert process.env["QNN_SDK_ROOT"] == "sdk/qnn"
    assert process.env["PEX_EXTRA_SYS_PATH"] == "src/python:other"
    assert process.timeout_seconds == 5
    assert make("library").env["PYTHONPATH"] == "src/python"
