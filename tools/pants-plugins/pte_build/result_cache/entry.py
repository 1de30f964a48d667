"""A cache entry under a key of our own choice: the processes that look for one, and that make one.

Pants keeps results under a key made of a process's complete inputs. To know that key of an export, a machine must have
built its toolchain. So each result is kept once more, as that of a process whose command names our key and which has
no inputs: it takes the files from a folder that the run itself has left them in.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from pants.engine.fs import Digest
from pants.engine.process import Process, ProcessCacheScope
from pants.util.logging import LogLevel

_FOLDER = ".results"
_CACHE = {"pte_results": _FOLDER}
FILES, STDOUT, STDERR = "files", "stdout", "stderr"

# The engine sets an `execution_slot_variable` where it runs a process, and leaves it out of the cache key. A process
# whose slot variable is called so can thus be answered by a cache only: where it is run, it ends at once.
_LOOK_UP = "PTE_LOOK_UP"
# With the download: 400 MB at 7 MB/s. A slower cache is not worth waiting for.
_CACHE_ANSWER_MILLIS = 60_000
_NOT_FOUND = 75  # EX_TEMPFAIL of sysexits.h: failures are in no cache.

# $0 is the key. Another run with the same key may take the folder away at any moment, so look after copying.
_TAKE = f"""
[ -z "${_LOOK_UP}" ] || exit {_NOT_FOUND}
kept={_FOLDER}/$0
/bin/cp -R "$kept/{FILES}/." . && /bin/cat "$kept/{STDOUT}" && /bin/cat "$kept/{STDERR}" >&2 || exit {_NOT_FOUND}
for file; do [ -f "$file" ] || exit {_NOT_FOUND}; done
/bin/rm -rf "$kept"
"""
_LEAVE = f"""
set -e
kept={_FOLDER}/$0
/bin/rm -rf "$kept" "$kept.part"
/bin/mkdir -p "$kept.part"
/bin/cp -R {FILES} {STDOUT} {STDERR} "$kept.part"
/bin/mv "$kept.part" "$kept"
"""


def look_up(key: str, output_files: Iterable[str], description: str) -> Process:
    """Succeeds if a cache has the entry, with its output files, stdout and stderr; fails at once otherwise."""
    return dataclasses.replace(
        take(key, output_files, f"Look up: {description}"),
        # It could run while a remote cache is still being asked.
        remote_cache_speculation_delay_millis=_CACHE_ANSWER_MILLIS,
        execution_slot_variable=_LOOK_UP,
    )


def take(key: str, output_files: Iterable[str], description: str) -> Process:
    """Makes the entry, of what `leave` has left. Fails if that is not, or no longer, there."""
    return Process(
        ("/bin/sh", "-c", _TAKE, key, *output_files),
        append_only_caches=_CACHE,
        output_files=output_files,
        description=description,
        level=LogLevel.DEBUG,
    )


def leave(key: str, result: Digest, description: str) -> Process:
    """Leaves a result for `take`. `result` has the folder FILES and the files STDOUT and STDERR."""
    return Process(
        ("/bin/sh", "-c", _LEAVE, key),
        input_digest=result,
        append_only_caches=_CACHE,
        description=description,
        # It is run for its effect.
        cache_scope=ProcessCacheScope.PER_SESSION,
        level=LogLevel.DEBUG,
    )
