"""Runs inside a perturbed export, around it: `python -m inside_export SETTINGS MODULE ARGUMENT...`.

SETTINGS is a JSON object:

    python_path  folders, relative to the working directory, with the export's sources and this file
    hash_seed    number for PYTHONHASHSEED; null to keep it
    threads      number of threads for torch, whatever the export asks for; null to keep it
    witness      file to write the surroundings of this process to, as JSON

Copied into a sandbox and run by its toolchain's Python: standard library only, and torch if the export
has it.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import time
from pathlib import Path
from typing import Any


def main(settings: dict[str, Any], module: str, arguments: list[str]) -> None:
    """Run MODULE as `python -m MODULE` does. Its SystemExit passes through."""
    if settings["threads"] is not None:
        _fix_torch_threads(settings["threads"])
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        # torch is there by now, if the export uses it.
        Path(settings["witness"]).write_text(json.dumps(witness()), encoding="utf-8")


def witness() -> dict[str, object]:
    """What perturbations change, as this process sees it."""
    umask = os.umask(0)
    os.umask(umask)
    torch = sys.modules.get("torch")
    seen = {} if sys.flags.ignore_environment else os.environ
    return {
        "folder": os.getcwd(),
        "hash_seed": seen.get("PYTHONHASHSEED"),
        "home": os.path.expanduser("~"),
        "language": os.environ.get("LC_ALL"),
        "time_zone": time.tzname[0],
        "umask": umask,
        "user": os.environ.get("LOGNAME"),
        "user_id": os.getuid(),
        "year": time.gmtime().tm_year,
        "cpu_capability": torch.backends.cpu.get_cpu_capability() if torch else None,
        "threads": torch.get_num_threads() if torch else None,
    }


def _fix_torch_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)

    def ignore(nthreads: int) -> None:
        """Override the export's own choice."""

    torch.set_num_threads = ignore


def _start_again(settings: dict[str, Any]) -> None:
    """Replace the process by one with the wanted hash seed.

    A toolchain's PEX starts Python in isolated mode (`-I`), which ignores PYTHONHASHSEED.
    """
    folders = [os.path.abspath(folder) for folder in settings["python_path"]]
    os.environ["PYTHONPATH"] = os.pathsep.join(folders)
    os.environ["PYTHONHASHSEED"] = str(settings["hash_seed"])
    again = json.dumps({**settings, "hash_seed": None})
    arguments = [sys.executable, "-s", "-m", "inside_export", again, *sys.argv[2:]]
    os.execv(sys.executable, arguments)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    if given["hash_seed"] is not None:
        _start_again(given)
    main(given, sys.argv[2], sys.argv[3:])
