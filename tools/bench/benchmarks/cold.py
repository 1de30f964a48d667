"""`cold`: the README's test command on a machine that has nothing, and its exports against a plain script.

XDG_CACHE_HOME is empty at first, and with it Pants' local store, its named caches and the launcher's folder. No PANTS_*
variable is set, as on a new machine. Pip's settings and cache are the user's: the launcher installs Pants through them,
and the script its packages.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.plain_script import (
    PlainPython,
    environments_seconds,
    export_stock,
    make_plain_pythons,
)
from bench.benchmarks.programs import BenchProgram
from bench.benchmarks.setting import Setting
from bench.benchmarks.uncached import KeptExports, keep_sandboxes, package_and_keep
from workspace.clone import Clone
from workspace.errors import ToolError
from workspace.export_process import OUTPUTS
from workspace.kept_sandbox import ProcessCost
from workspace.pants_run import PantsRun
from workspace.user_caches import user_pip_cache

NAME = "cold"
ABOUT = "the README's tests from empty caches; its exports against a script with stock ExecuTorch; memory"
FASTER = Goal("at_most", 0.35)
IN_TIME = Goal("at_most", 1200)
"""Seconds, on two cores."""
IN_MEMORY = Goal("at_most", 3.0)

_TIMES_FILE = "PANTS_RUN_TIMES_FILE"
# What a cold run leaves below XDG_CACHE_HOME.
_CACHES = ("pants/lmdb_store", "pants/named_caches", "pte-foundry")
_BYTES_PER_GB = 1e9


def run(setting: Setting) -> tuple[Measurement, ...]:
    caches, times = setting.scratch / "cache", setting.scratch / "run-times.jsonl"
    setting = dataclasses.replace(
        setting, environment=cold_environment(setting.environment, caches)
    )
    pip_cache_gb = _size(Path(setting.environment["PIP_CACHE_DIR"])) / _BYTES_PER_GB
    with setting.clone("repository") as clone:
        wanted = [f"{address}_test" for address in setting.programs] or ["::"]
        setting.progress(
            f"`test {' '.join(wanted)}` from empty caches; all of it: half an hour or more"
        )
        timed = dataclasses.replace(
            clone, environment={**clone.environment, _TIMES_FILE: f"{times}"}
        )
        cold = timed.pants("test", *wanted)
        kinds = read_kinds(times)
        _require_cold(cold, caches)
        setting.progress(f"took {cold.seconds:.0f} s; processes by kind: {kinds}")
        programs = [BenchProgram(address) for address in cold.exports]
        # This starts another daemon, one that keeps sandboxes.
        clone.pants(*keep_sandboxes(setting), "package", *cold.exports)
        setting.progress(f"exporting the same {len(programs)} programs again, and nothing else")
        kept = package_and_keep(setting, clone, programs)
        setting.progress(f"took {kept.seconds:.0f} s; making the script's virtual environments")
        pythons = make_plain_pythons(setting, clone, kept.sandboxes)
        environments = environments_seconds(pythons)
        setting.progress(f"took {environments:.0f} s; now the script")
        costs = _run_script(setting, clone, kept, pythons)
        largest = most_memory(costs)
        ours = {largest: kept.sandboxes[largest].run(OUTPUTS)}
    return rows(cold, kinds, kept.seconds, environments, pip_cache_gb, costs, ours)


def cold_environment(environment: Mapping[str, str], caches: Path) -> dict[str, str]:
    """Without the Pants settings of this machine's launcher and user; with empty caches below `caches`."""
    others = {name: value for name, value in environment.items() if not name.startswith("PANTS_")}
    return {
        **others,
        "PIP_CACHE_DIR": user_pip_cache(environment),
        "PTE_FOUNDRY_CACHE": str(caches / "pte-foundry"),
        "XDG_CACHE_HOME": str(caches),
    }


def _size(folder: Path) -> int:
    """Bytes of the files below; 0 if there is no such folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def read_kinds(times: Path) -> dict[str, dict[str, Any]]:
    """By kind of process, `count` and `seconds` of those that ran in the first run of the file.

    Raises ToolError if it is not what `[run-times] file` writes.
    """
    try:
        first = times.read_text(encoding="utf-8").splitlines()[0]
        return {kind: dict(of_kind) for kind, of_kind in json.loads(first)["kinds"].items()}
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise ToolError(
            f"{_TIMES_FILE} should have made `./pants test` write its times to {times.name}: {error!r}. See "
            "`./pants help run-times`"
        ) from error


def _require_cold(run: PantsRun, caches: Path) -> None:
    if missing := [name for name in _CACHES if not (caches / name).exists()]:
        raise ToolError(
            f"the run made no {missing} below XDG_CACHE_HOME, so it may have used caches that were not empty. Correct "
            "the environment in bench/benchmarks/cold.py"
        )
    if not run.exports:
        raise ToolError("the run exported nothing, so there is nothing to compare; name programs")


def _run_script(
    setting: Setting,
    clone: Clone,
    kept: KeptExports,
    pythons: Mapping[BenchProgram, PlainPython],
) -> dict[BenchProgram, ProcessCost]:
    costs: dict[BenchProgram, ProcessCost] = {}
    for program, sandbox in kept.sandboxes.items():
        costs[program] = cost = export_stock(clone, program, sandbox, pythons[program])
        setting.progress(
            f"{len(costs)} of {len(kept.sandboxes)}, {program.address}: {cost.seconds:.1f} s, "
            f"{cost.peak_bytes / _BYTES_PER_GB:.2f} GB"
        )
    return costs


def most_memory(costs: Mapping[BenchProgram, ProcessCost]) -> BenchProgram:
    return max(costs, key=lambda program: costs[program].peak_bytes)


def rows(
    cold: PantsRun,
    kinds: Mapping[str, Mapping[str, Any]],
    exports_seconds: float,
    environment_seconds: float,
    pip_cache_gb: float,
    costs: Mapping[BenchProgram, ProcessCost],
    ours: Mapping[BenchProgram, ProcessCost],
) -> tuple[Measurement, ...]:
    """The exports alone, the whole command, and memory.

    exports_seconds: of `package` of the same programs. environment_seconds, costs: of the script. pip_cache_gb: what
    pip's cache held at first. ours: the program that takes most memory in the script, exported as Pants does.
    """
    script = sum(cost.seconds for cost in costs.values())
    ((largest, cost),) = ours.items()
    return (
        Measurement(
            NAME,
            f"the exports alone: `package` of {len(costs)} programs, no export cached",
            "a script: the same programs with stock ExecuTorch, one process each, one after another",
            exports_seconds / script,
            "ratio",
            FASTER,
            {
                "measured_seconds": round(exports_seconds, 2),
                "baseline_seconds": round(script, 2),
                "each_seconds": {p.address: round(c.seconds, 2) for p, c in costs.items()},
                "each_gb": {
                    p.address: round(c.peak_bytes / _BYTES_PER_GB, 3) for p, c in costs.items()
                },
            },
        ),
        Measurement(
            NAME,
            f"the whole command: `{_command(cold)}`, all caches empty but pip's ({pip_cache_gb:.2f} GB)",
            "nothing; the script and its virtual environments, which validate and test nothing, took "
            f"{script + environment_seconds:.0f} s",
            round(cold.seconds, 1),
            "s",
            IN_TIME,
            {
                "script_seconds": round(script, 2),
                "script_environment_seconds": round(environment_seconds, 2),
                "pip_cache_gb": round(pip_cache_gb, 3),
                "kinds": {kind: dict(of_kind) for kind, of_kind in kinds.items()},
            },
        ),
        Measurement(
            NAME,
            f"peak memory of one export, of the program that takes most in the script: {largest.address}",
            "resident set",
            cost.peak_bytes / _BYTES_PER_GB,
            "GB",
            IN_MEMORY,
        ),
    )


def _command(run: PantsRun) -> str:
    """`./pants test ::`, without the options of every benchmark."""
    return " ".join(["./pants", *run.arguments[run.arguments.index("test") :]])
