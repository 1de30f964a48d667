"""Processes whose cache keys are the same on every machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pants.engine.fs import Digest
from pants.engine.process import Process
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from pte_build.progress import stage_files
from pte_build.toolchain.interpreter import CACHE, PATH
from pte_build.toolchain.toolchain import PEX_NAME

SOURCE_ROOT = "src/python"
PEX_ROOT = ".pex_root"
"""Of the environments of toolchains, in the sandbox of a process: a link to a named cache."""

# Everything that could make two machines differ is fixed. Floating point first: torch and oneDNN choose their kernels
# by what the CPU can do, and reductions depend on the number of threads.
FIXED_ENVIRONMENT = {
    "ATEN_CPU_CAPABILITY": "default",
    "DNNL_MAX_CPU_ISA": "SSE41",
    "HOME": ".home",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "LOGNAME": "pte",
    "MKL_CBWR": "COMPATIBLE",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "PATH": "/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
    "USER": "pte",
}

# The interpreter is started by a shell because Pants resolves a relative argv[0] before named caches are mounted.
_START = ("/bin/sh", "-c", 'exec "$0" "$@"', PATH)


def toolchain_process(
    argv: Iterable[str],
    *,
    input_digest: Digest,
    output_files: Iterable[str],
    description: str,
    source_roots: Iterable[str] = (SOURCE_ROOT,),
    environment: Mapping[str, str] = FrozenDict(),
    timeout_seconds: int | None = None,
) -> Process:
    """A process in the Python of a toolchain: `argv` follows the interpreter, e.g. `-m MODULE`.

    `input_digest` holds the sources below `source_roots`; the toolchain's PEX is added if the process has to run.
    `environment` is part of the cache key, so it must not contain paths of the machine.
    """
    return Process(
        (*_START, PEX_NAME, *argv),
        input_digest=input_digest,
        env={
            **FIXED_ENVIRONMENT,
            **environment,
            **stage_files.ENVIRONMENT,
            "PEX_EXTRA_SYS_PATH": ":".join(source_roots),
            "PEX_IGNORE_RCFILES": "1",
            "PEX_ROOT": PEX_ROOT,
        },
        append_only_caches={**CACHE, **stage_files.CACHE, "pex_root": PEX_ROOT},
        output_files=output_files,
        description=description,
        timeout_seconds=timeout_seconds,
        level=LogLevel.INFO,
    )


def library_process(
    argv: Iterable[str],
    *,
    input_digest: Digest,
    output_files: Iterable[str],
    description: str,
) -> Process:
    """A process for parts of the library that need only the standard library: no toolchain is built for it."""
    return Process(
        (*_START, *argv),
        input_digest=input_digest,
        env={**FIXED_ENVIRONMENT, "PYTHONPATH": SOURCE_ROOT},
        append_only_caches=CACHE,
        output_files=output_files,
        description=description,
        level=LogLevel.DEBUG,
    )
