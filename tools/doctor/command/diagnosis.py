"""All checks of this machine, in the order that they are shown in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from doctor.checks.finding import Finding, State
from doctor.checks.machine import (
    check_disk,
    check_interpreters,
    check_memory,
    check_package_sources,
    check_torch_wheel,
)
from doctor.checks.services import check_cache_server, check_checkpoints, check_qnn_sdk
from doctor.facts.launcher import find_executable, package_sources, torch_wheel
from doctor.facts.memory import available_memory
from doctor.facts.network import answers, connects
from doctor.facts.pants_options import Options, text_option
from workspace.child_environment import same_checkout_environment
from workspace.peek import peek
from workspace.user_caches import user_caches

_AT_ONCE = 8  # addresses that are asked at the same time


def diagnose(root: Path, options: Options, environment: Mapping[str, str]) -> list[Finding]:
    """Look at this machine. Raises ToolError if Pants cannot read the repository.

    Args:
        root: the build root.
        environment: the user's.
    """
    inner = same_checkout_environment(environment)
    launcher = Path(user_caches(environment)["PTE_FOUNDRY_CACHE"])
    store = Path(text_option(options, "", "local_store_dir") or "/")
    parallel = text_option(options, "", "process_execution_local_parallelism")
    targets = peek(root, ["--filter-target-type=model_weights", "models::"], inner)
    urls = {str(url) for each in targets for url in each["urls"] or ()}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = dict(zip(sorted(urls), pool.map(answers, sorted(urls))))
    return [
        *check_interpreters(find_executable, inner),
        *_package_findings(launcher, inner),
        check_memory(available_memory(), int(parallel or 0) or os.cpu_count() or 1),
        check_disk(store, shutil.disk_usage(_existing(store)).free),
        check_cache_server(
            text_option(options, "", "remote_store_address"),
            connects,
        ),
        check_qnn_sdk(text_option(options, "qnn", "sdk_root"), root),
        *check_checkpoints(targets, asked.__getitem__),
    ]


def _package_findings(launcher: Path, environment: Mapping[str, str]) -> list[Finding]:
    """Of pip under CPython 3.11; none without it, which has a finding of its own."""
    try:
        python311 = find_executable(11, ("pip",), environment)
    except ValueError:
        return []
    try:
        sources = package_sources(python311, environment)
        wheel, size = torch_wheel(launcher)
    except ValueError as error:
        why, _, remedy = str(error).partition("\n")
        return [Finding("packages", State.missing, why, remedy, needed=True)]
    return [
        *check_package_sources(sources.indexes, sources.find_links, answers),
        check_torch_wheel(wheel, size),
    ]


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above that exists."""
    while not folder.exists():
        folder = folder.parent
    return folder
