"""Install the packages of a lockfile once for the tests of its resolve, not twice.

With `[python].run_against_entire_lockfile`, Pants 2.17 makes a PEX of the whole lockfile, and then another one of the
same packages that has the first on its path (`pants.backend.python.util_rules.pex_from_targets`). The second alone has
all that is needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pants.backend.python.subsystems.setup import PythonSetup
from pants.backend.python.util_rules import pex_from_targets
from pants.backend.python.util_rules.pex import OptionalPexRequest, Pex
from pants.backend.python.util_rules.pex_from_targets import (
    PexFromTargetsRequest,
    _RepositoryPexRequest,
)
from pants.engine.rules import Get

plain = pex_from_targets._determine_requirements_for_pex_from_targets


async def without_a_second_pex(
    request: PexFromTargetsRequest, python_setup: PythonSetup
) -> tuple[Any, Iterable[Pex]]:
    """The requirements of a PEX, and the PEXes on its path: none if it holds a whole lockfile."""
    whole = python_setup.run_against_entire_lockfile and request.internal_only
    if not whole or not request.include_requirements:
        return await plain(request, python_setup)
    lockfile = await Get(
        OptionalPexRequest,
        _RepositoryPexRequest(
            request.addresses,
            hardcoded_interpreter_constraints=request.hardcoded_interpreter_constraints,
            platforms=request.platforms,
            complete_platforms=request.complete_platforms,
            internal_only=request.internal_only,
            additional_lockfile_args=request.additional_lockfile_args,
        ),
    )
    if lockfile.maybe_pex_request is None:
        return await plain(request, python_setup)
    return lockfile.maybe_pex_request.requirements, ()


def install_once() -> None:
    """Have Pants do so. It looks up its function by name when a rule runs."""
    pex_from_targets._determine_requirements_for_pex_from_targets = without_a_second_pex
