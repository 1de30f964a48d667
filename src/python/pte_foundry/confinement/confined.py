"""Run the work of a process without network, other files, or a way to damage its inputs.

What a system does not allow is left out and reported on stderr. The bytes are the same without it: the
confinement only proves that nothing but the inputs got into them. See docs/hermeticity.md.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pte_foundry.confinement.files import allowed_files
from pte_foundry.confinement.kernel import has_one_thread
from pte_foundry.confinement.landlock import restrict_files
from pte_foundry.confinement.namespaces import enter_namespaces
from pte_foundry.confinement.own_processes import become_first_process, become_worker
from pte_foundry.confinement.own_tree import enter_own_tree
from pte_foundry.confinement.privileges import give_up_privileges
from pte_foundry.confinement.read_only_inputs import make_inputs_read_only
from pte_foundry.confinement.socket_guard import install_socket_guard
from pte_foundry.confinement.system_calls import filter_system_calls


def confined(action: Callable[[], int]) -> int:
    """Confine this process to its working directory for good, then call `action`.

    Call it from a main module before anything, torch above all, starts threads. In a PID namespace a
    child continues; this process waits and ends as the child does.

    Returns:
        The exit code of `action`.
    """
    sandbox = Path.cwd()
    # Python in a PEX is isolated: it ignores PYTHONDONTWRITEBYTECODE.
    sys.dont_write_bytecode = True
    # Made before inputs are listed, since it is not one.
    with tempfile.TemporaryDirectory(prefix=".tmp-", dir=sandbox) as temporary:
        os.environ["TMPDIR"] = temporary
        tempfile.tempdir = None  # Forget an earlier choice.
        summary = _confine(sandbox, Path(temporary))
        print(f"confinement: {summary}", file=sys.stderr, flush=True)
        return action()


def close_descriptors() -> None:
    """Close all but stdin, stdout and stderr: an open file stays usable, wherever it is."""
    for name in os.listdir("/proc/self/fd" if sys.platform == "linux" else "/dev/fd"):
        if int(name) > 2:
            with suppress(OSError):  # The listing's own is closed already.
                os.close(int(name))


def _confine(sandbox: Path, temporary: Path) -> str:
    """Return what is in force, and what is missing."""
    close_descriptors()
    if sys.platform != "linux":
        install_socket_guard()
        return f"network: guard only ({sys.platform} has neither namespaces nor Landlock)"
    if not has_one_thread():
        install_socket_guard()
        return "network: guard only (the process has several threads already)"
    missing: list[str] = []

    def works(name: str, act: Callable[[], object]) -> bool:
        try:
            act()
        except OSError as error:
            missing.append(f"{name} ({error.strerror})")
            return False
        return True

    # In this order: each step forbids what earlier ones need.
    namespaces = works("namespaces", enter_namespaces)
    read_only = own_tree = own_processes = False
    if namespaces:
        first_process = become_first_process()
        read_only = works("read-only inputs", lambda: make_inputs_read_only(sandbox, temporary))
    access = allowed_files(sandbox, temporary)
    if namespaces:

        def enter() -> None:
            nonlocal own_processes
            own_processes = enter_own_tree(sandbox, access)

        own_tree = works("own tree", enter)
    landlock = works("Landlock", lambda: restrict_files(access))
    unprivileged = works("privileges", give_up_privileges)
    filtered = works("filter", filter_system_calls)
    if namespaces:
        become_worker(first_process)
    install_socket_guard()
    network = _joined(namespaces and "namespace", filtered and "filter", "guard")
    parts = [
        f"network: {network if network != 'guard' else 'guard only'}",
        f"inputs: {'read-only' if read_only else 'writable'}",
        f"files: {_joined(own_tree and 'own tree', landlock and 'Landlock') or 'not confined'}",
        f"processes: {'own' if own_processes else 'all are visible'}",
        f"privileges: {'none' if unprivileged else 'kept'}",
        *([f"missing: {', '.join(missing)}"] if missing else []),
    ]
    return "; ".join(parts)


def _joined(*names: str | bool) -> str:
    present = [name for name in names if isinstance(name, str)]
    return " and ".join([", ".join(present[:-1]), present[-1]] if len(present) > 1 else present)
