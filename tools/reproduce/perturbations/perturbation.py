"""A perturbation changes the surroundings of a build, which must not affect its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# `usual`: what the build promises. `lift`: more than that, without what the build fixes itself.
# `stock`: without the project's speed-ups, which takes twice the time.
# `remote`: on workers, which need a service.
# `clone`: in a second clone with empty caches, which takes minutes. `together`: others, in one export.
# `named`: what not every machine allows, tried only if it is named.
Kind = Literal["usual", "lift", "stock", "remote", "clone", "together", "named"]


@dataclass(frozen=True)
class ExportChange:
    """A change of the export process alone; Pants has no part in it.

    Attributes:
        environment: variables that are added to those of Pants, or replace them.
        folder: of the sandbox, relative to the tool's scratch folder.
        hash_seed: Python's; None for a random one, as in every export.
        threads: for torch, whatever the export asks for; None for the export's choice.
        umask: -1 for the tool's own.
        user_id: number of the user and the group; None for the tool's own.
        clock: start of the process in seconds since 1970; None for the machine's clock.
        seen: what the process must see of the change (see `inside_export.witness`). Otherwise the
            perturbation did not take place.
    """

    seen: Mapping[str, object]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = "sandbox"
    hash_seed: int | None = None
    threads: int | None = None
    umask: int = -1
    user_id: int | None = None
    clock: int | None = None


@dataclass(frozen=True)
class BuildChange:
    """A change of the surroundings of `./pants`, for a build that may use no cached export.

    Attributes:
        environment: variables added to those of the caller.
        in_clone: build in a clone at another path, with an empty store, empty caches and another HOME.
        on_workers: of the remote execution service that the caller's environment names.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    umask: int = -1
    in_clone: bool = False
    on_workers: bool = False


@dataclass(frozen=True)
class Perturbation:
    """about: one line for `--help`."""

    name: str
    about: str
    change: ExportChange | BuildChange
    kind: Kind = "usual"
