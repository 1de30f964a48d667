"""Where exports and validations run: on this machine, or on the workers of a remote execution service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.core.util_rules.environments import (
    CompatiblePlatformsField,
    EnvironmentNameRequest,
    EnvironmentTarget,
    RemotePlatformField,
)
from pants.engine.environment import EnvironmentName
from pants.engine.platform import Platform
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.option.global_options import GlobalOptions
from pants.option.option_types import StrOption
from pants.option.subsystem import Subsystem
from pants.util.strutil import softwrap

from pte_build.errors import PteBuildError

BUILD_HERE = "To build on this machine instead, add --no-remote-execution."


class RemoteRunsSubsystem(Subsystem):
    options_scope = "remote-runs"
    help = "Where exports and validations run."

    environment = StrOption(
        default=None,
        help=softwrap(
            """
            The name of a `remote_environment` in `[environments-preview].names`. Exports and validations run there
            if `[GLOBAL].remote_execution` is set; everything else runs on this machine. `pants.remote-execution.toml`
            sets all three.
            """
        ),
    )


@dataclass(frozen=True)
class Workers:
    """environment: that of the processes which run there. address: of the service. platform: as Pants calls it."""

    environment: EnvironmentName
    address: str
    platform: str


@dataclass(frozen=True)
class RunPlace:
    """workers: None for this machine."""

    workers: Workers | None


def check_platform(workers: Workers, here: str) -> None:
    """Raises PteBuildError unless workers can use a toolchain of this machine. The arguments are Pants' names."""
    if workers.platform != here:
        raise PteBuildError(
            f"[remote-runs].environment: `{workers.environment.val}` has the platform {workers.platform}, and this "
            f"machine, which builds the toolchains for it, is {here}. Start the build on {workers.platform}. "
            f"{BUILD_HERE}"
        )


@rule
async def choose_run_place(subsystem: RemoteRunsSubsystem, options: GlobalOptions) -> RunPlace:
    wanted = subsystem.environment
    if wanted is None:
        if options.remote_execution:
            raise PteBuildError(
                "[GLOBAL].remote_execution is set without [remote-runs].environment: toolchains would be built on "
                "workers too. Set PANTS_CONFIG_FILES=pants.remote-execution.toml, which sets both."
            )
        return RunPlace(None)
    # That of `fallback_environment`, if remote execution is off.
    name = await Get(
        EnvironmentName,
        EnvironmentNameRequest(
            wanted, description_of_origin="the option `[remote-runs].environment`"
        ),
    )
    target = (await Get(EnvironmentTarget, EnvironmentName, name)).val
    if target is None or target.has_field(CompatiblePlatformsField):
        return RunPlace(None)
    if not target.has_field(RemotePlatformField):
        raise PteBuildError(
            f"[remote-runs].environment: `{name.val}` is the {target.alias} {target.address}. Name a "
            "`remote_environment`, such as `//toolchains:workers`."
        )
    platform = target[RemotePlatformField].value
    # Pants does not start with remote execution and without an address.
    workers = Workers(name, str(options.remote_execution_address), str(platform))
    check_platform(workers, Platform.create_for_localhost().value)
    return RunPlace(workers)


def rules() -> Iterable[Rule]:
    return collect_rules()
