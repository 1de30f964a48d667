"""A compiler checks the C++ of the documents against the headers in ExecuTorch's wheel."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from snippets.snippets import document_blocks

STUBS = Path("tests/snippets/stubs/cpp")
COMPILER = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
BEFORE = """
#include <string>
#include <executorch/extension/module/bundled_module.h>
using executorch::extension::BundledModule;
using executorch::extension::Module;
"""
# A block is a piece of a function.
AROUND = """
executorch::runtime::Error block{number}(Module& module) {{
#line {line} "{file}"
{block}
  return executorch::runtime::Error::Ok;
}}
"""
compiled = pytest.mark.skipif(
    COMPILER is None, reason="no C++ compiler: install one, e.g. with `apt-get install g++`"
)


def headers() -> Path:
    spec = importlib.util.find_spec("executorch")
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "include"


def errors(blocks: Mapping[str, str]) -> str:
    """What the compiler says against them, "" if nothing. By where each is: `docs/validation.md:78`."""
    assert COMPILER is not None
    source = BEFORE
    for number, (where, block) in enumerate(blocks.items()):
        file, line = where.split(":")
        # The first line is that of the fence.
        source += AROUND.format(number=number, line=int(line) + 1, file=file, block=block)
    include = headers()
    paths = (include, include / "executorch/runtime/core/portable_type/c10", STUBS)
    done = subprocess.run(
        [
            COMPILER, "-x", "c++", "-std=c++17", "-fsyntax-only", "-Wall", "-Werror",
            "-DC10_USING_CUSTOM_GENERATED_MACROS",
            *(word for path in paths for word in ("-isystem", str(path))), "-",
        ],
        input=source,
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip
    return done.stderr if done.returncode != 0 else ""


@compiled
def test_the_documents_compile() -> None:
    blocks = document_blocks("cpp")
    assert len(blocks) == 2, "did a document lose a block, or its mark?"
    assert errors(blocks) == ""


@compiled
def test_mistakes_are_found() -> None:
    said = errors(
        {
            "a.md:10": 'module.run("forward");\n',
            "b.md:20": "module.load();\nstd::string text = module;\n",
            "c.md:30": "int x = ;\n",
        }
    )
    for where in ("a.md:11:", "b.md:22:", "c.md:31:"):
        assert any(line.startswith(where) and "error: " in line for line in said.splitlines()), said
