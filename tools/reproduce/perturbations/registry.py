"""All perturbations, in order."""

from __future__ import annotations

from collections.abc import Sequence

from reproduce.perturbations.perturbation import BuildChange, ExportChange, Kind, Perturbation
from workspace.errors import ToolError

_TURKISH = "tr_TR.UTF-8"  # its lower case of I is not i; where it is not installed, C is in force
_TWO_THREADS = {"MKL_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
_AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "DNNL_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}
_AVX512 = {
    "ATEN_CPU_CAPABILITY": "avx512",
    "DNNL_MAX_CPU_ISA": "AVX512_CORE_AMX",
    "MKL_CBWR": "AVX512",
    "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_AMX",
}

_ONE_BY_ONE: tuple[Perturbation, ...] = (
    Perturbation(
        "clean-build",
        "build again with Pants, and take nothing from a cache",
        BuildChange(),
    ),
    Perturbation(
        "caller",
        "the same, called with another locale, time zone, user name, umask, hash seed, number of "
        "threads and CPU capability: the export must see none of them",
        BuildChange(
            {
                **_TWO_THREADS,
                **_AVX2,
                "LANG": _TURKISH,
                "LC_ALL": _TURKISH,
                "LOGNAME": "someone-else",
                "PYTHONHASHSEED": "7",
                "TZ": "XPT-13:45",
                "USER": "someone-else",
            },
            umask=0o077,
        ),
    ),
    Perturbation(
        "hash-seed",
        "PYTHONHASHSEED=1: the order of Python's sets (other exports have random seeds)",
        ExportChange(seen={"hash_seed": "1"}, hash_seed=1),
    ),
    Perturbation(
        "folder",
        "run the export in another folder, with a longer path",
        ExportChange(
            seen={}, folder="another/folder with a blank/and-a-much-longer-path-than-before"
        ),
    ),
    Perturbation(
        "user",
        "another user name (USER, LOGNAME, USERNAME) and HOME",
        ExportChange(
            seen={"home": ".another/home", "user": "someone-else"},
            environment={
                "HOME": ".another/home",
                "LOGNAME": "someone-else",
                "USER": "someone-else",
                "USERNAME": "someone-else",
            },
        ),
    ),
    Perturbation(
        "locale",
        f"LANG and LC_ALL are {_TURKISH} (the C locale where that is not installed)",
        ExportChange(
            seen={"language": _TURKISH}, environment={"LANG": _TURKISH, "LC_ALL": _TURKISH}
        ),
    ),
    Perturbation(
        "time-zone",
        "TZ is 13:45 hours ahead of UTC",
        ExportChange(seen={"time_zone": "XPT"}, environment={"TZ": "XPT-13:45"}),
    ),
    Perturbation(
        "clock",
        "the clock says September 2001; for Python, C++ and child processes (libfaketime)",
        ExportChange(seen={"year": 2001}, clock=1_000_000_000),
    ),
    Perturbation(
        "umask",
        "umask 077",
        ExportChange(seen={"umask": 0o077}, umask=0o077),
    ),
    Perturbation(
        "user-id",
        "another number of user and group, without the rights of root (where user namespaces are allowed)",
        ExportChange(seen={"user_id": 4321, "umask": 0o027}, umask=0o027, user_id=4321),
        "named",
    ),
    Perturbation(
        "threads",
        "OMP_NUM_THREADS and MKL_NUM_THREADS are 2: the export itself still asks torch for one",
        ExportChange(seen={"threads": 2}, environment=_TWO_THREADS),
    ),
    Perturbation(
        "lifted-threads",
        "torch really uses 2 threads",
        ExportChange(seen={"threads": 2}, environment=_TWO_THREADS, threads=2),
        "lift",
    ),
    Perturbation(
        "lifted-cpu-avx2",
        "torch, oneDNN and MKL use AVX2",
        ExportChange(seen={"cpu_capability": "AVX2"}, environment=_AVX2),
        "lift",
    ),
    Perturbation(
        "lifted-cpu-avx512",
        "torch, oneDNN and MKL use AVX-512 (needs a CPU that has it)",
        ExportChange(seen={"cpu_capability": "AVX512"}, environment=_AVX512),
        "lift",
    ),
    Perturbation(
        "stock",
        "torch and ExecuTorch as they are, without the speed-ups of pte_foundry.speedups (--export-stock)",
        BuildChange({"PANTS_EXPORT_STOCK": "true"}),
        "stock",
    ),
    Perturbation(
        "workers",
        "export on the workers of the remote execution service of PANTS_REMOTE_EXECUTION_ADDRESS",
        BuildChange(on_workers=True),
        "remote",
    ),
    Perturbation(
        "clone",
        "build in a second clone at another path, with an empty store, empty caches and another HOME",
        BuildChange(in_clone=True),
        "clone",
    ),
)


def _together(perturbations: Sequence[Perturbation]) -> ExportChange:
    """All usual changes of an export process in one."""
    changes = [
        one.change
        for one in perturbations
        if one.kind == "usual" and isinstance(one.change, ExportChange)
    ]
    return ExportChange(
        seen={name: value for change in changes for name, value in change.seen.items()},
        environment={
            name: value for change in changes for name, value in change.environment.items()
        },
        folder=next(change.folder for change in changes if change.folder != ExportChange.folder),
        hash_seed=next(change.hash_seed for change in changes if change.hash_seed is not None),
        umask=next(change.umask for change in changes if change.umask != ExportChange.umask),
        clock=next(change.clock for change in changes if change.clock is not None),
    )


PERTURBATIONS: tuple[Perturbation, ...] = (
    *_ONE_BY_ONE,
    Perturbation(
        "together",
        "all usual changes of the export process at once: one export instead of many, for a whole matrix",
        _together(_ONE_BY_ONE),
        "together",
    ),
)


def select(
    only: Sequence[str],
    lift: bool,
    with_clone: bool,
    stock: bool = False,
    remote: bool = False,
) -> tuple[Perturbation, ...]:
    """The named ones, of any kind; else the usual ones and the requested kinds.

    Raises ToolError for an unknown name.
    """
    names = [perturbation.name for perturbation in PERTURBATIONS]
    if unknown := sorted(set(only) - set(names)):
        raise ToolError(f"--only: no perturbation is called {unknown}; there are {names}")
    kinds: dict[Kind, bool] = {
        "usual": True,
        "lift": lift,
        "stock": stock,
        "remote": remote,
        "clone": with_clone,
        "together": False,
        "named": False,
    }
    return tuple(
        perturbation
        for perturbation in PERTURBATIONS
        if (perturbation.name in only if only else kinds[perturbation.kind])
    )
