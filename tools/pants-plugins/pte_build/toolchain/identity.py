"""What a toolchain is made of, known without building it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from pants.backend.python.util_rules.pex_cli import PexCli
from pants.engine.rules import Get, Rule, collect_rules, rule

from pte_build.toolchain.interpreter import CONSTRAINTS
from pte_build.toolchain.locks import ToolchainLocks, ToolchainRequest
from pte_build.toolchain.toolchain import PEX_ARGUMENTS


@dataclass(frozen=True)
class ToolchainIdentity:
    """Two toolchains with equal identities hold the same packages, on one platform.

    locks_sha256: of the lockfiles' texts, the backend's first. They pin every package by hash.
    recipe: how a PEX is made from them.
    """

    locks_sha256: tuple[str, ...]
    recipe: tuple[str, ...]


@rule
async def identify_toolchain(request: ToolchainRequest, pex: PexCli) -> ToolchainIdentity:
    locks = await Get(ToolchainLocks, ToolchainRequest, request)
    return ToolchainIdentity(
        tuple(hashlib.sha256(text.encode()).hexdigest() for text in locks.texts),
        (f"pex {pex.version}", *map(str, CONSTRAINTS), *PEX_ARGUMENTS),
    )


def rules() -> Iterable[Rule]:
    return collect_rules()
