"""Run the work of a process without network, other people's files, or a way to damage its inputs.

What a system does not allow is left out, and said on stderr, because the bytes are the same with and
without it: the confinement shows that nothing but the inputs got into them. See docs/hermeticity.md.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from pte_foundry.confinement.files import allowed_files
from pte_foundry.confinement.kernel import has_one_thread
from pte_foundry.confinement.landlock import restrict_files
from pte_foundry.confinement.namespaces import enter_namespaces
from pte_foundry.confinement.read_only_inputs import make_inputs_read_only
from pte_foundry.confinement.socket_guard import install_socket_guard


def confined(action: Callable[[], int]) -> int:
    """Confine this process to its working directory for good, then call `action`.

    To be called by the main module of a process before anything starts threads, torch above all.

    Returns:
        The exit code of `action`.
    """
    sandbox = Path.cwd()
    # Python in a PEX is isolated: it ignores PYTHONDONTWRITEBYTECODE.
    sys.dont_write_bytecode = True
    # Made before inputs are listed: it is none.
    with tempfile.TemporaryDirectory(prefix=".tmp-", dir=sandbox) as temporary:
        os.environ["TMPDIR"] = temporary
        tempfile.tempdir = None  # Forget the folder that was found before.
        told = _confine(sandbox, Path(temporary))
        print(f"confinement: {told}", file=sys.stderr, flush=True)
        return action()


def _confine(sandbox: Path, temporary: Path) -> str:
    """What is in force now: of the network, of inputs and of files."""
    if sys.platform != "linux":
        install_socket_guard()
        return f"network: guard only ({sys.platform} has neither namespaces nor Landlock)"
    if not has_one_thread():
        install_socket_guard()
        return "network: guard only (the process has several threads already)"
    try:
        enter_namespaces()
        network = "network: namespace and guard; " + _inputs(sandbox, temporary)
    except OSError as error:
        network = f"network: guard only ({error.strerror}); inputs: writable"
    install_socket_guard()
    # Afterwards, because it forbids mounts.
    try:
        restrict_files(allowed_files(sandbox, temporary))
    except OSError as error:
        return f"{network}; files: not confined ({error.strerror})"
    return f"{network}; files: Landlock"


def _inputs(sandbox: Path, temporary: Path) -> str:
    try:
        make_inputs_read_only(sandbox, except_for=temporary)
    except OSError as error:
        return f"inputs: writable ({error.strerror})"
    return "inputs: read-only"
