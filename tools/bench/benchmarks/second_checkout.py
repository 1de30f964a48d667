"""`second-checkout`: whether another checkout, user and $PATH find everything in the cache."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.setting import PACKAGE_ARTIFACTS, Setting
from workspace.errors import ToolError
from workspace.pants_run import PantsRun
from workspace.user_caches import user_caches

NAME = "second-checkout"
ABOUT = "exports in a second clone with another path, $HOME and $PATH, but the same local store"
NONE = Goal("at_most", 0)
SOME = Goal("at_least", 1)


def run(setting: Setting) -> tuple[Measurement, ...]:
    # An empty store: otherwise the first clone would have nothing to do, and the result would prove nothing.
    shared = {
        **user_caches(setting.environment),
        "PANTS_LOCAL_STORE_DIR": str(setting.scratch / "store"),
    }
    with setting.clone("first", shared) as clone:
        setting.progress("building everything from an empty store")
        first = clone.pants(*PACKAGE_ARTIFACTS)
        first_files = clone.artifacts()
    if not first_files:
        raise ToolError("the first clone's dist/ has no .pte and no .json file to compare")
    home, path = _other_user(setting.scratch)
    other = {
        **shared,
        "HOME": home,
        "PATH": f"{path}:{setting.environment['PATH']}",
    }
    with setting.clone("elsewhere/deeper/second", other) as clone:
        setting.progress("building everything in the second clone")
        second = clone.pants(*PACKAGE_ARTIFACTS)
        second_files = clone.artifacts()
    return (
        Measurement(
            NAME,
            "exports in the first clone",
            "an empty local store (control)",
            len(first.exports),
            "exports",
            SOME,
            {"exports": list(first.exports), "seconds": round(first.seconds, 2)},
        ),
        *reuse_rows(
            NAME,
            "exports in the second clone",
            "the first clone",
            second,
            first_files,
            second_files,
        ),
    )


def reuse_rows(
    benchmark: str,
    what: str,
    baseline: str,
    second: PantsRun,
    first_files: Mapping[str, bytes],
    second_files: Mapping[str, bytes],
) -> tuple[Measurement, Measurement]:
    """How much of what a first place built a second one exported again, and how many files differ."""
    differing = differing_files(first_files, second_files)
    return (
        Measurement(
            benchmark,
            what,
            baseline,
            len(second.exports),
            "exports",
            NONE,
            {"exports": list(second.exports), "seconds": round(second.seconds, 2)},
        ),
        Measurement(
            benchmark,
            f"differing files, of {len(first_files)} .pte and .json files",
            baseline,
            len(differing),
            "files",
            NONE,
            {"differing": differing, "compared": sorted(first_files)},
        ),
    )


def differing_files(first: Mapping[str, bytes], second: Mapping[str, bytes]) -> list[str]:
    """Paths that only one of the two has, or whose bytes differ; sorted."""
    return sorted(
        path for path in first.keys() | second.keys() if first.get(path) != second.get(path)
    )


def _other_user(scratch: Path) -> tuple[str, str]:
    """An empty $HOME, and an empty folder for $PATH."""
    folders = (scratch / "home", scratch / "programs")
    for folder in folders:
        folder.mkdir()
    return str(folders[0]), str(folders[1])
