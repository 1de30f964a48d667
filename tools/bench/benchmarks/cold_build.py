"""`cold-build`: all exports from empty caches, against a script that runs them one after another."""

from __future__ import annotations

from collections.abc import Mapping

from bench.benchmarks.kept_exports import KeptExports, keeping, package_and_keep
from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.programs import BenchProgram, chosen_programs
from bench.benchmarks.setting import Setting
from workspace.clone import Clone
from workspace.errors import ToolError
from workspace.kept_sandbox import KeptSandbox, ProcessCost

NAME = "cold-build"
ABOUT = (
    "all exports with no cached result, against the same processes one after another; their memory"
)
FASTER = Goal("at_most", 0.6)
IN_MEMORY = Goal("at_most", 3.0)

# What the export process writes, in its sandbox.
_OUTPUTS = ("program.pte", "facts.json")
_BYTES_PER_GB = 1e9


def run(setting: Setting) -> tuple[Measurement, ...]:
    with setting.clone("repository") as clone:
        programs = chosen_programs(setting, clone)
        # Toolchains are made here if they are not there yet; so is the daemon.
        setting.progress(f"building {len(programs)} programs, from the cache if they are there")
        clone.pants(*keeping(setting), "package", *(program.address for program in programs))
        setting.progress("building them with no cached export")
        kept = package_and_keep(setting, clone, programs)
        setting.progress(f"took {kept.seconds:.1f} s; now one after another")
        costs = {
            program: _bare(setting, clone, program, sandbox)
            for program, sandbox in kept.sandboxes.items()
        }
    return rows(kept, costs)


def _bare(
    setting: Setting, clone: Clone, program: BenchProgram, sandbox: KeptSandbox
) -> ProcessCost:
    """The same process without Pants. Raises ToolError if the bytes differ."""
    cost = sandbox.run(_OUTPUTS)
    if (sandbox.folder / _OUTPUTS[0]).read_bytes() != program.file(clone, ".pte").read_bytes():
        raise ToolError(
            f"the export of {program.address} without Pants gave other bytes than with it: the two "
            "are not the same process, or the export is not reproducible"
        )
    setting.progress(
        f"{program.address}: {cost.seconds:.1f} s, {cost.peak_bytes / _BYTES_PER_GB:.2f} GB"
    )
    return cost


def rows(kept: KeptExports, costs: Mapping[BenchProgram, ProcessCost]) -> tuple[Measurement, ...]:
    """The ratio of the times, and the memory of the export that takes most."""
    total = sum(cost.seconds for cost in costs.values())
    largest = max(costs, key=lambda program: costs[program].peak_bytes)
    return (
        Measurement(
            NAME,
            f"cold `package` of {len(costs)} programs",
            "the same processes, one after another, without Pants",
            kept.seconds / total,
            "ratio",
            FASTER,
            {
                "measured_seconds": round(kept.seconds, 2),
                "baseline_seconds": round(total, 2),
                "each_seconds": {p.address: round(c.seconds, 2) for p, c in costs.items()},
            },
        ),
        Measurement(
            NAME,
            f"peak memory of one export, the largest: {largest.address}",
            "resident set",
            costs[largest].peak_bytes / _BYTES_PER_GB,
            "GB",
            IN_MEMORY,
            {
                "each_gb": {
                    p.address: round(c.peak_bytes / _BYTES_PER_GB, 3) for p, c in costs.items()
                }
            },
        ),
    )
