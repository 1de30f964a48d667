from __future__ import annotations

import os

import pytest
from pants.engine.fs import EMPTY_DIGEST
from pants.engine.process import Process

from pte_build.toolchain.process import library_process, toolchain_process

PROCESSES = [
    toolchain_process(
        ("-m", "module"), input_digest=EMPTY_DIGEST, output_files=("out",), description="a"
    ),
    library_process(
        ("-m", "module"), input_digest=EMPTY_DIGEST, output_files=("out",), description="a"
    ),
]


@pytest.mark.parametrize("process", PROCESSES)
def test_nothing_of_this_machine_is_in_a_cache_key(process: Process) -> None:
    """Command line and environment are the key, beside digests; caches are known by name only."""
    text = repr((process.argv, process.env, process.append_only_caches))
    for variable in ("HOME", "USER", "LOGNAME", "HOSTNAME", "PWD", "PYENV_ROOT", "VIRTUAL_ENV"):
        value = os.environ.get(variable, "")
        assert len(value) < 3 or value not in text
    assert os.environ["PATH"] not in text
    absolute = [word for word in process.argv[:1] + process.argv[3:] if word.startswith("/")]
    assert absolute == ["/bin/sh"]


@pytest.mark.parametrize("process", PROCESSES)
def test_what_changes_floating_point_is_fixed(process: Process) -> None:
    assert process.env["ATEN_CPU_CAPABILITY"] == "default"
    assert process.env["ONEDNN_MAX_CPU_ISA"] == "SSE41"
    assert process.env["OMP_NUM_THREADS"] == "1"
    assert process.env["PYTHONHASHSEED"] == "0"
    assert process.env["TZ"] == "UTC"


def test_source_roots_are_on_the_path_of_a_toolchain() -> None:
    process = toolchain_process(
        (), input_digest=EMPTY_DIGEST, output_files=(), description="", source_roots=("a", "b/c")
    )
    assert process.env["PEX_EXTRA_SYS_PATH"] == "a:b/c"
