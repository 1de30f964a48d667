"""The Python interpreter of export processes, reached by a path that is the same on every machine."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from pants.backend.python.util_rules.interpreter_constraints import InterpreterConstraints
from pants.backend.python.util_rules.pex_environment import PythonExecutable
from pants.engine.process import Process, ProcessCacheScope, ProcessResult
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.util.logging import LogLevel

# Wheels in the toolchain locks are for this version of CPython.
CONSTRAINTS = InterpreterConstraints(["CPython==3.11.*"])
# The content of a named cache is not part of a process's cache key; a path in its command line would be.
CACHE = {"pte_python": ".python"}
PATH = ".python/py311"


@dataclass(frozen=True)
class ToolchainInterpreter:
    """Says that PATH leads to a CPython of CONSTRAINTS in processes that use CACHE."""

    path: str = PATH


@rule(desc="Link the interpreter of export processes", level=LogLevel.DEBUG)
async def link_interpreter() -> ToolchainInterpreter:
    python = await Get(PythonExecutable, InterpreterConstraints, CONSTRAINTS)
    target = shlex.quote(python.path)
    # An equal link is left alone, because other processes may be using it now.
    script = f'[ "$(/bin/readlink {PATH})" = {target} ] || /bin/ln -sfn {target} {PATH}'
    await Get(
        ProcessResult,
        Process(
            ["/bin/sh", "-c", script],
            env={"PATH": "/usr/bin:/bin"},
            description="Link the interpreter of export processes",
            append_only_caches=CACHE,
            # The named cache may be another one in the next session.
            cache_scope=ProcessCacheScope.PER_SESSION,
            level=LogLevel.DEBUG,
        ),
    )
    return ToolchainInterpreter()


def rules() -> Iterable[Rule]:
    return collect_rules()
