"""The command line: say what this machine can build, why not the rest, and what to type next."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from doctor.checks.finding import can_build, gigabytes
from doctor.command.diagnosis import diagnose
from doctor.command.report import caches_json, caches_text, findings_json, findings_text
from doctor.disk.caches import client_cache, find_caches, size_on_disk
from doctor.disk.environments import find_environments
from doctor.disk.removable import Removable, find_removable, remove
from doctor.facts.network import Network
from doctor.facts.pants_options import PantsOptions, read_options
from workspace.errors import ToolError

ABOUT = "Check what this machine can build, and how to fix the rest."
SECONDS = 1.5
"""The default time limit for whatever the checks wait for."""


def main(arguments: list[str], root: Path, program: str) -> int:
    """Returns the exit code: 0 if programs can be built with seeded weights, 1 if not, 2 for a failure; with --disk 0.

    Args:
        root: the build root.
        program: what the user has typed, e.g. `./foundry doctor`.
    """
    options = _parse(arguments, program)
    try:
        if options.disk:
            _disk(root, os.environ, options)
            return 0
        findings = diagnose(root, os.environ, options.timeout)
    except (ToolError, OSError) as error:
        print(f"foundry doctor: {error}", file=sys.stderr)
        return 2
    print(
        findings_json(findings) if options.json else findings_text(findings, _width(), _colours())
    )
    sys.stdout.flush()
    return 0 if can_build(findings) else 1


class _Formatter(argparse.HelpFormatter):
    """`Usage:`, as the other commands have it."""

    def add_usage(self, usage, actions, groups, prefix=None):  # type: ignore[no-untyped-def]
        super().add_usage(usage, actions, groups, prefix or "Usage: ")


def _parse(arguments: list[str], program: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=program,
        usage=f"{program} [OPTIONS]",
        description=ABOUT,
        epilog="Exit codes: 0 if programs can be built with seeded weights, 1 if not, 2 for wrong usage.",
        formatter_class=_Formatter,
    )
    add = parser.add_argument
    add("--json", action="store_true", help="Print JSON.")
    add(
        "--timeout",
        type=float,
        default=SECONDS,
        metavar="SECONDS",
        help=f"How long to wait for all hosts at once (default: {SECONDS}). Package sources get "
        f"{Network.PATIENCE:g} s more.",
    )
    add("--disk", action="store_true", help="Show what the caches take instead of the checks.")
    add(
        "--clean",
        action="store_true",
        help="With --disk: remove old leftovers of builds and downloads, after asking.",
    )
    add(
        "--environments",
        action="store_true",
        help="With --clean: also the environments of toolchains and tools, unless something uses them. "
        "They are made again when needed.",
    )
    add("--yes", action="store_true", help="With --clean: do not ask.")
    options = parser.parse_args(arguments)
    alone = (options.yes or options.environments) and not options.clean
    unasked = options.clean and options.json and not options.yes
    if (options.clean and not options.disk) or alone or unasked:
        parser.error(
            "--clean goes with --disk, --yes and --environments with --clean, and --json with --clean needs --yes"
        )
    return options


def _width() -> int:
    """Columns: those of the terminal, within reason; 80 for files and pipes."""
    return max(60, min(120, shutil.get_terminal_size((80, 24)).columns))


def _colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _disk(root: Path, environment: Mapping[str, str], options: argparse.Namespace) -> None:
    pants = read_options(root, environment)
    more = find_environments(pants.named_caches_dir, root) if options.environments else []
    sizes = {cache: size_on_disk(cache.folder) for cache in find_caches(pants, environment)}
    removable = [*_leftovers(pants, environment), *more]
    if options.json:
        print(caches_json(sizes, [str(each.path) for each in removable]))
    else:
        print(caches_text(sizes, _width()))
        for each in removable:
            print(f"can be removed: {each.path} ({each.why})")
        print(
            "Pants uses its store and named caches while it runs. To be rid of them, end every Pants and\n"
            "its daemon (pantsd) first, then remove the folders."
        )
    if options.clean and removable and (options.yes or _confirmed(len(removable))):
        freed = _remove(removable)
        said = f"removed {len(removable)}, {gigabytes(freed)}"
        print(said, file=sys.stderr if options.json else sys.stdout)


def _leftovers(pants: PantsOptions, environment: Mapping[str, str]) -> list[Removable]:
    return find_removable(pants.sandboxes, client_cache(environment), time.time())


def _confirmed(count: int) -> bool:
    try:
        return input(f"Remove these {count}? [y/N]: ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _remove(removable: list[Removable]) -> int:
    """Returns the bytes that were freed. Raises ToolError for what cannot be removed."""
    freed = 0
    for each in removable:
        size = size_on_disk(each.path) if each.path.is_dir() else each.path.lstat().st_size
        try:
            remove(each)
        except OSError as error:
            raise ToolError(f"{each.path} cannot be removed ({error.strerror})") from error
        freed += size
    return freed
