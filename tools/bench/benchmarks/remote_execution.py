"""`remote-execution`: exports on workers, against the same exports without them, all on this machine."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.benchmarks.cache_server import FOUNDRY, running_cache_server, with_cache
from bench.benchmarks.comparison import TimeComparison, compare
from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.programs import BenchProgram
from bench.benchmarks.second_checkout import NONE, differing_files, reuse_rows
from bench.benchmarks.setting import Setting
from bench.benchmarks.uncached import EXPORT_SOURCE, package_uncached
from workspace.clone import Clone
from workspace.errors import ToolError
from workspace.pants_run import PantsRun
from workspace.user_caches import user_caches

NAME = "remote-execution"
ABOUT = "exports on a remote execution service of this machine, two at a time, against exports without it"
GOAL = Goal("at_most", 1.3)
WORKERS = 2
PROGRAMS = (
    "models/mobilenet:mobilenet_v3_small_coreml",
    "models/mobilenet:mobilenet_v3_small_portable",
    "models/mobilenet:mobilenet_v3_small_vulkan",
    "models/mobilenet:mobilenet_v3_small_xnnpack",
    "models/pe_core:pe_core_t16_384_xnnpack",
    "models/yolo:yolo11n_xnnpack",
)
_ROUNDS = 2
_AT_ONCE = f"--process-execution-local-parallelism={WORKERS}"
_TOOK = re.compile(r"\] (\S+): exported in ([\d.]+) s ")


def run(setting: Setting) -> tuple[Measurement, ...]:
    programs = [BenchProgram(address) for address in setting.programs or PROGRAMS]
    with setting.clone("here") as here:
        here = replace(here, options=(*here.options, _AT_ONCE))
        setting.progress("building the execution service")
        here.pants("package", FOUNDRY)
        service = running_cache_server(
            here, setting.scratch / "service", "--execute", f"--jobs={WORKERS}"
        )
        with (
            service as address,
            setting.clone("client") as client,
            setting.clone("reader", _reader(setting, address)) as reader,
        ):
            client = with_cache(client, _on_workers(address))
            reader = with_cache(reader, {})
            setting.progress(f"warming up: {len(programs)} programs here")
            package_uncached(here, programs)
            setting.progress("warming up: the same programs on workers")
            remotely(client, programs)
            comparison, last = _compare(setting, programs, here, client)
            expected = here.artifacts()
            differing = differing_files(expected, client.artifacts())
            shutil.copyfile(client.root / EXPORT_SOURCE, reader.root / EXPORT_SOURCE)
            setting.progress("packaging them on another machine, without workers")
            cached = reader.pants("package", *(program.address for program in programs))
            found = reuse_rows(
                NAME,
                "exports on another machine with the cache alone",
                "the exports on workers",
                cached,
                client.artifacts(),
                reader.artifacts(),
            )
    return (
        comparison.row(
            NAME,
            f"`package` of {len(programs)} programs on workers, {WORKERS} at a time, no export cached",
            f"the same without workers, {WORKERS} at a time",
            GOAL,
            programs=[program.address for program in programs],
            **{f"{where}_export_seconds": export_seconds(run) for where, run in last.items()},
        ),
        Measurement(
            NAME,
            f"differing files, of {len(expected)} .pte and .json files",
            "those exported without workers",
            len(differing),
            "files",
            NONE,
            {"differing": differing, "compared": sorted(expected)},
        ),
        *found,
    )


def _compare(
    setting: Setting, programs: Sequence[BenchProgram], here: Clone, client: Clone
) -> tuple[TimeComparison, Mapping[str, PantsRun]]:
    """And the last run of each."""
    last: dict[str, PantsRun] = {}

    def measured() -> float:
        last["measured"] = remotely(client, programs)
        return last["measured"].seconds

    def baseline() -> float:
        last["baseline"] = package_uncached(here, programs)
        return last["baseline"].seconds

    return compare(setting.rounds or _ROUNDS, measured, baseline, setting.progress), last


def remotely(client: Clone, programs: Sequence[BenchProgram]) -> PantsRun:
    """`package_uncached`. Raises ToolError unless workers exported all of the programs."""
    run = package_uncached(client, programs)
    if here := sorted({program.address for program in programs} - set(run.on_workers)):
        raise ToolError(f"workers should have exported {here}, but this machine did")
    return run


def export_seconds(run: PantsRun) -> dict[str, float]:
    """Of each program, as the log has it: from the start of its process to the end."""
    return {address: float(seconds) for address, seconds in sorted(_TOOK.findall(run.output))}


def _on_workers(address: str) -> Mapping[str, str]:
    return {
        "PANTS_CONFIG_FILES": "pants.remote-execution.toml",
        "PANTS_REMOTE_CACHE_WRITE": "true",
        "PANTS_REMOTE_EXECUTION_ADDRESS": address,
        "PANTS_REMOTE_STORE_ADDRESS": address,
    }


def _reader(setting: Setting, address: str) -> Mapping[str, str]:
    """Of a machine with an empty store, which reads the cache of the service."""
    return {
        **user_caches(setting.environment),
        "PANTS_CONFIG_FILES": "pants.remote.toml",
        "PANTS_LOCAL_STORE_DIR": str(setting.scratch / "reader-store"),
        "PANTS_REMOTE_STORE_ADDRESS": address,
    }
