"""All checks of this machine, in the order that they are shown in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pip_settings import PipSettings

from doctor.checks.finding import Finding, State
from doctor.checks.machine import (
    check_disk,
    check_interpreter,
    check_memory,
    check_package_sources,
    check_torch_wheel,
)
from doctor.checks.services import check_cache_server, check_checkpoints, check_qnn_sdk
from doctor.facts.checkpoints import declared_checkpoints
from doctor.facts.launcher import (
    TORCH_PAGE,
    build_addresses,
    find_executable,
    has_file,
    launcher_cache,
    torch_wheel,
)
from doctor.facts.memory import available_memory
from doctor.facts.network import Network, Pending
from doctor.facts.pants_options import read_options
from doctor.facts.pip_files import pip_settings

# What tools/bootstrap/prepare.py asks for.
_WANTED = ((9, ("venv", "ensurepip"), "for Pants"), (11, ("pip",), "for exports"))
_DISTDIRS = ("checkpoints",)  # [weights] distdirs of pants.toml


def diagnose(root: Path, environment: Mapping[str, str], seconds: float) -> list[Finding]:
    """Look at this machine. Raises ToolError for a BUILD file that cannot be read.

    Args:
        root: the build root.
        environment: the user's.
        seconds: how long to wait for hosts and interpreters, all at once.
    """
    options = read_options(root, environment)
    checkpoints = declared_checkpoints(root)
    certificate = environment.get("PIP_CERT") or None
    network = Network(seconds, Path(certificate) if certificate else None)
    cache = launcher_cache(environment)
    interpreters = {
        minor: Pending(partial(find_executable, minor, modules, environment, cache))
        for minor, modules, _ in _WANTED
    }
    # Asked now, while the interpreters are looked for; waited for below.
    for url in (url for each in checkpoints for url in each.urls):
        network.ask(url)
    if options.remote_store_address:
        network.ask(options.remote_store_address)
    return [
        *_interpreter_findings(root, interpreters, environment, network),
        *_package_findings(interpreters[11], environment, cache, network),
        check_memory(available_memory(), options.parallelism),
        check_disk(
            str(options.local_store_dir),
            shutil.disk_usage(_existing(options.local_store_dir)).free,
        ),
        check_cache_server(options.remote_store_address, network.why_not),
        check_qnn_sdk(options.qnn_sdk_root, root),
        *check_checkpoints(
            checkpoints,
            network.why_not,
            lambda name: any((root / folder / name).is_file() for folder in _DISTDIRS),
        ),
    ]


def _interpreter_findings(
    root: Path,
    found: Mapping[int, Pending[Path]],
    environment: Mapping[str, str],
    network: Network,
) -> Iterator[Finding]:
    for minor, _, role in _WANTED:
        addresses = build_addresses(root, minor, environment)
        yield check_interpreter(
            minor, role, partial(_path, found[minor], network), addresses, network.why_not_needed
        )


def _path(found: Pending[Path], network: Network) -> str | None:
    executable = found.wait(network.late)
    return None if executable is None else str(executable)


def _package_findings(
    python311: Pending[Path], environment: Mapping[str, str], cache: Path, network: Network
) -> list[Finding]:
    try:
        executable = python311.wait(network.late)
    except ValueError:  # It has a finding of its own.
        executable = None
    try:
        pip = pip_settings(environment, executable and executable.parent.parent)
        wheel = torch_wheel()
    except ValueError as error:
        why, _, remedy = str(error).partition("\n")
        return [Finding("packages", State.missing, why, remedy, needed=True)]
    for url in (*pip.indexes, *pip.find_links):
        network.ask(url)
    here = wheel is not None and any(
        has_file(folder, wheel) for folder in (cache / "wheels", *_folders(pip))
    )
    return [
        *check_package_sources(pip.indexes, pip.find_links, network.why_not_needed),
        check_torch_wheel(here, None if wheel is None else wheel.size, TORCH_PAGE, network.why_not),
    ]


def _folders(pip: PipSettings) -> Iterator[Path]:
    for link in pip.find_links:
        parts = urlsplit(link)
        if parts.scheme == "file":
            yield Path(url2pathname(parts.path))


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above that exists."""
    folder = Path(os.path.abspath(folder))
    while not folder.exists():
        folder = folder.parent
    return folder
