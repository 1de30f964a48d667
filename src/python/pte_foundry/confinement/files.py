"""The files that an export or a validation may use."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pte_foundry.confinement.landlock import Access
from pte_foundry.stages import FOLDER_VARIABLE

# Programs, libraries and the files of the dynamic linker and the C library, but no settings of the
# machine: no users, hosts or certificates.
_SYSTEM = (
    "/bin",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/lib",
    "/lib64",
    "/nix/store",
    "/opt",
    "/sbin",
    "/usr",
)
# Read by torch for the number of CPUs, and by the C library for its own process.
_KERNEL = ("/proc", "/sys/devices/system", "/sys/fs/cgroup")
_DEVICES = ("/dev/null", "/dev/random", "/dev/urandom", "/dev/zero")


def allowed_files(sandbox: Path, temporary: Path) -> Access:
    """Read the sandbox, this Python with its packages, and the system's software; change the sandbox.

    Args:
        temporary: the only folder for temporary files.
    """
    python = (
        sys.prefix,
        sys.exec_prefix,
        sys.base_prefix,
        sys.base_exec_prefix,
        sys.executable,
        os.path.dirname(os.path.realpath(sys.executable)),
        *(entry for entry in sys.path if entry),
    )
    stages = os.environ.get(FOLDER_VARIABLE)
    libraries, memory = _mapped_files()
    return Access(
        read=[*(Path(path) for path in (*_SYSTEM, *_KERNEL, *_DEVICES, *python)), *libraries],
        change=[sandbox, temporary, *memory],
        write_only=[Path("/dev/null"), *([Path(stages)] if stages else [])],
    )


def _mapped_files() -> tuple[list[Path], list[Path]]:
    """The paths of the libraries and the shared memory of this process, which its children open again.

    A library may be in an unusual place, or preloaded.
    """
    libraries: dict[Path, None] = {}
    memory: dict[Path, None] = {}
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        # proc_pid_maps(5): address, permissions, offset, device, inode, path.
        _, permissions, *_, path = line.split(maxsplit=5) if line.count("/") else [""] * 6
        if path.startswith("/"):
            shared = permissions.startswith("rw") and permissions.endswith("s")
            (memory if shared else libraries)[Path(path)] = None
    return list(libraries), list(memory)
