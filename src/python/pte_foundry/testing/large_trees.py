"""For tests of memory: trees of many or large files that take little room on the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pte_foundry.publishing.tree_folder import file_sha256
from pte_foundry.records.json_files import canonical_json, write_json

_VERSION = "1.4.1"
_KILOBYTE = 1024


def write_large_tree(folder: Path, sizes: Sequence[int]) -> None:
    """A tree of one program for each size in bytes. The files are sparse, and no two are equal."""
    programs = folder / _VERSION / "toy"
    programs.mkdir(parents=True)
    models, sums = [], {}
    for number, size in enumerate(sizes):
        name = f"p{number}_xnnpack.pte"
        with (programs / name).open("wb") as file:
            file.write(f"program {number}".encode())
            file.truncate(size)
        sha256 = file_sha256(programs / name)
        sums[f"{_VERSION}/toy/{name}"] = sha256
        models.append(
            {
                "name": name,
                "category": "toy",
                "address": f"models/toy:p{number}_xnnpack",
                "hash": sha256,
                "weights": {"source": "official"},
            }
        )
    index = {"version": _VERSION, "baseUrl": "https://example.org", "models": models, "labels": []}
    for path, content in (
        ("index.json", index),
        (f"{_VERSION}/index.json", index),
        ("versions.json", {"versions": [_VERSION], "latest": _VERSION}),
    ):
        (folder / path).write_text(canonical_json(content))
        sums[path] = file_sha256(folder / path)
    lines = (f"{sha256}  {path}\n" for path, sha256 in sorted(sums.items()))
    (folder / "SHA256SUMS").write_text("".join(lines))


def peak_of_publishing(folder: Path, repository: str) -> int:
    """Publish `folder/tree` in a new process; returns its peak memory in bytes, including its git."""
    shutil.rmtree(folder / "scratch", ignore_errors=True)
    request = {
        "tree": "//:tree",
        "folder": "tree",
        "scratch": "scratch",
        "build_root": str(folder),
        "repositories": [repository],
        "git_lfs": False,
        "allow": {"unofficial": False, "changed": True, "removed": True},
    }
    write_json(folder / "publish_request.json", request)
    process = subprocess.Popen(
        [sys.executable, "-m", "pte_foundry.publishing.main", "publish_request.json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    unit = 1 if sys.platform == "darwin" else _KILOBYTE
    # Of the process or one that it waited for, whichever was largest.
    return usage.ru_maxrss * unit
