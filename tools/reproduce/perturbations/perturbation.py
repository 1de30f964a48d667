"""What a perturbation is: something about the surroundings of a build that must not reach its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# `usual` is what the build promises. `lift` takes away what the build fixes itself: more than is promised.
# `stock` exports without the project's speed-ups, which takes twice the time.
# `clone` needs a second clone with empty caches, which takes minutes. `together` repeats others in one export.
# `named` needs what not every machine allows, and is tried if it is named.
Kind = Literal["usual", "lift", "stock", "clone", "together", "named"]


@dataclass(frozen=True)
class ExportChange:
    """A change of the export process alone; Pants has no part in it.

    Attributes:
        environment: variables added to, or in the place of, those that Pants sets.
        folder: of the sandbox, relative to the tool's scratch folder.
        hash_seed: Python's; None for a random one, as in every export.
        threads: that torch uses whatever the export asks for; None to leave that to the export.
        umask: -1 for the tool's own.
        user_id: number of the user, and of the group, that the process has; None for the tool's own.
        clock: seconds since 1970 at which the process begins; None for the machine's clock.
        seen: what the process has to see of the change (see `inside_export.witness`). If it sees
            something else, the perturbation did not take place.
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
    """A change of what `./pants` itself is run with, for a build that may use no cached export.

    Attributes:
        environment: variables added to those of the caller.
        in_clone: build in a clone at another path, with an empty store, empty caches of Pants, and
            another HOME.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    umask: int = -1
    in_clone: bool = False


@dataclass(frozen=True)
class Perturbation:
    """about: one line for `--help`."""

    name: str
    about: str
    change: ExportChange | BuildChange
    kind: Kind = "usual"
