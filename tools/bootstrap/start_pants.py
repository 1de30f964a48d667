"""Starts Pants in its environment; if that fails, checks the environment for damage.

    <environment>/bin/python start_pants.py <environment>/bin/pants ARGUMENTS...

Otherwise a damaged environment would fail forever, with an error that does not mention the damage.
"""

from __future__ import annotations

import csv
import functools
import importlib
import json
import os
import runpy
import sys
import sysconfig
from pathlib import Path
from typing import Any

DAEMON_SECONDS = 240.0
# A JSON list of the options on this command line, for the `./pants` that a program under `./pants run` starts.
OPTIONS_VARIABLE = "PTE_FOUNDRY_OPTIONS"
# Set for the daemon by Pants 2.17, `pants.bin.pants_env_vars`.
DAEMON_VARIABLE = "PANTS_DAEMON_ENTRYPOINT"


def damaged_file(packages: Path) -> Path | None:
    """The first file that is missing or has another size than when pip installed it.

    Args:
        packages: a folder `site-packages`, whose packages have a RECORD each.
    """
    for record in sorted(packages.glob("*.dist-info/RECORD")):
        own_name, listed = f"{record.parent.name}/RECORD", False
        with open(record, encoding="utf-8", newline="") as lines:
            for name, _, size in csv.reader(lines):
                listed = listed or name == own_name
                # Scripts change after pip; RECORD itself and bytecode have no size.
                if size and not name.startswith("../") and _size(packages / name) != int(size):
                    return packages / name
        if not listed:
            return record  # It was truncated.
    return None


def options_of(arguments: list[str]) -> list[str]:
    """The long options before `--`, after which come those of the program that Pants runs."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return [argument for argument in arguments[:end] if argument.startswith("--")]


def wait_longer_for_the_daemon() -> None:
    """Give Pants' daemon four minutes to start, instead of the one of `PantsDaemonClient._launch` in Pants 2.17.

    It solves the rule graph first, which takes 10 s on an idle machine and much longer on a busy one.
    """
    try:
        manager = importlib.import_module("pants.pantsd.process_manager").ProcessManager
    except Exception:  # A damaged environment fails in many ways, which `start` reports.
        return
    plain = manager.await_metadata_by_name

    def longer(
        self: Any, key: Any, ongoing: str, completed: str, timeout: float, caster: Any = None
    ) -> Any:
        return plain(self, key, ongoing, completed, max(timeout, DAEMON_SECONDS), caster)

    manager.await_metadata_by_name = longer


def start_the_daemon_here_too() -> None:
    """Have Pants start its daemon by this script, and not by its own.

    Pants 2.17 runs `[sys.executable] + sys.argv` in a child, `PantsDaemonProcessManager.post_fork_child`.
    """
    try:
        module = importlib.import_module("pants.pantsd.process_manager")
    except Exception:  # As above.
        return
    manager = module.PantsDaemonProcessManager
    plain, script = manager.post_fork_child, os.path.abspath(__file__)

    def here(self: Any) -> Any:
        sys.argv.insert(0, script)
        return plain(self)

    manager.post_fork_child = here


def leave_out_the_graph_for_plugins() -> None:
    """Do not solve the graph of the rules that install plugins, where `[GLOBAL].plugins` is empty.

    Pants 2.17 solves it before that of all rules, in `create_bootstrap_scheduler`: the graph of the whole Python
    backend, more than a third of the time of a cold start.
    """
    try:
        initializer: Any = importlib.import_module("pants.init.options_initializer")
        resolver: Any = importlib.import_module("pants.init.plugin_resolver")
    except Exception:  # As above.
        return
    make, resolve = initializer.create_bootstrap_scheduler, resolver.PluginResolver._resolve_plugins

    class WhenNeeded:
        def __init__(self, *arguments: Any) -> None:
            self._arguments = arguments

        @functools.cached_property
        def scheduler(self) -> Any:
            return make(*self._arguments).scheduler

    def resolve_plugins(self: Any, options: Any, *others: Any) -> Any:
        if not options.bootstrap_options.for_global_scope().plugins:
            return resolver.ResolvedPluginDistributions()
        return resolve(self, options, *others)

    initializer.create_bootstrap_scheduler = WhenNeeded
    resolver.PluginResolver._resolve_plugins = resolve_plugins


def start(program: Path, packages: Path) -> None:
    """Runs the script `program`, and passes its exceptions on.

    If its environment is damaged, the script is removed, which makes the launcher reinstall Pants.
    """
    try:
        runpy.run_path(str(program), run_name="__main__")
    except BaseException as error:
        if not isinstance(error, SystemExit) or error.code not in (None, 0):
            _explain(error, program, packages)
        raise


def _explain(error: BaseException, program: Path, packages: Path) -> None:
    folder = program.parent.parent
    try:
        damaged = damaged_file(packages)
        if damaged is not None:
            program.unlink()
            note = f"{damaged} is damaged. Run again: {folder} will be made anew."
        elif isinstance(error, (ImportError, EOFError, SyntaxError)):
            note = f"if that goes on, delete {folder} and run again."
        else:
            return
    except (OSError, ValueError) as problem:
        note = f"{folder} is damaged ({problem}). Delete it and run again."
    print(f"pants: {note}", file=sys.stderr)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return None


if __name__ == "__main__":
    # As if the script had been started directly.
    del sys.argv[0], sys.path[0]
    os.environ[OPTIONS_VARIABLE] = json.dumps(options_of(sys.argv[1:]))
    wait_longer_for_the_daemon()
    start_the_daemon_here_too()
    # Only what solves graphs: a client of the daemon has no need to import that much.
    if DAEMON_VARIABLE in os.environ or "--no-pantsd" in sys.argv:
        leave_out_the_graph_for_plugins()
    start(Path(sys.argv[0]), Path(sysconfig.get_path("purelib")))
