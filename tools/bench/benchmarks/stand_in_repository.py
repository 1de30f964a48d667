"""A repository whose launcher is a shell script, for tests of benchmarks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from bench.benchmarks.setting import Setting
from workspace.repository import Repository

_EXPORTED = (
    "echo '01:02:03.04 [INFO] Completed: Export models/mobilenet:mobilenet_v3_small_xnnpack'"
)

_TOOLCHAINS = """\
pte_backend(name="portable")
pte_backend(name="xnnpack")
pte_backend(name="vulkan", precisions=["fp16"])
pte_backend(name="qnn", sdk="qnn")
"""


def stand_in_setting(folder: Path, script: str, files: Mapping[str, str]) -> Setting:
    """A setting below `folder`, timed twice.

    script: the launcher, for sh; `exported` in it logs an export of MobileNetV3-small for XNNPACK.
    files: the repository's other files.
    """
    root = folder / "original"
    texts = {
        "toolchains/BUILD": _TOOLCHAINS,
        **files,
        "pants": f"#!/bin/sh\nset -e\nexported() {{ {_EXPORTED}; }}\n{script}",
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "pants").chmod(0o755)
    scratch = folder / "scratch"
    scratch.mkdir()
    repository = Repository(root, "0" * 40, False, tuple(map(Path, sorted(texts))))
    return Setting(repository, scratch, dict(os.environ), lambda text: None, rounds=2)
