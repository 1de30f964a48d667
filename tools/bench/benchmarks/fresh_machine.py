"""`fresh-machine`: what a build costs where another machine has built everything and shares its cache."""

from __future__ import annotations

from collections.abc import Mapping

from bench.benchmarks.cache_server import FOUNDRY, running_cache_server, with_cache
from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.second_checkout import reuse_rows
from bench.benchmarks.setting import PACKAGE_ARTIFACTS, Setting
from workspace.errors import ToolError
from workspace.user_caches import user_caches

NAME = "fresh-machine"
ABOUT = (
    "a clone with an empty store and a shared cache, against the cold build that filled the cache"
)
GOAL = Goal("at_most", 0.05)
# pants.remote.toml only reads; writing needs an option.
_WRITE = "--remote-cache-write"


def run(setting: Setting) -> tuple[Measurement, ...]:
    wanted = ("package", *setting.programs) if setting.programs else PACKAGE_ARTIFACTS
    with setting.clone("writer", _own_store(setting, "writer", None)) as clone:
        setting.progress("building the cache server")
        clone.pants("package", FOUNDRY)
        with running_cache_server(clone, setting.scratch / "cache") as address:
            # The store has what the server's own build left in it, and no export.
            shared = _own_store(setting, "writer", address)
            clone = with_cache(clone, shared)
            setting.progress("building everything, and writing it to the cache")
            cold = clone.pants(_WRITE, *wanted)
            files = clone.artifacts()
            if not cold.exports or not files:
                raise ToolError("the first machine exported nothing, so there is no cold build")
            with setting.clone("reader", _own_store(setting, "reader", address)) as reader:
                setting.progress("building everything on the fresh machine")
                cached = with_cache(reader, {}).pants(*wanted)
                reader_files = reader.artifacts()
    baseline = f"the cold build, {len(cold.exports)} exports"
    details = {"cold_seconds": round(cold.seconds, 2), "cached_seconds": round(cached.seconds, 2)}
    return (
        Measurement(
            NAME,
            "`package` on a fresh machine with a shared cache",
            baseline,
            cached.seconds / cold.seconds,
            "ratio",
            GOAL,
            details,
        ),
        *reuse_rows(NAME, "exports on the fresh machine", baseline, cached, files, reader_files),
    )


def _own_store(setting: Setting, machine: str, address: str | None) -> Mapping[str, str]:
    """The environment of a machine: its store is empty at first; launcher and named caches are this machine's.

    address: of the cache, which pants.remote.toml then configures.
    """
    remote = {} if address is None else {
        "PANTS_CONFIG_FILES": "pants.remote.toml",
        "PANTS_REMOTE_STORE_ADDRESS": address,
    }  # fmt: skip
    store = str(setting.scratch / f"{machine}-store")
    return {**user_caches(setting.environment), "PANTS_LOCAL_STORE_DIR": store, **remote}
