"""Cache entries under a key of our own: the processes that look one up, and those that make one.

Pants keeps results under a key made of a process's complete inputs. To compute that key for an export, a machine must
have built its toolchain. So each result is kept a second time, as that of a process without inputs whose command
contains our key: it takes the files from a folder where the run itself left them.
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

# The engine sets an `execution_slot_variable` when it runs a process, and leaves it out of the cache key. So only a
# cache can answer a process with this slot variable: if it is run, it fails at once.
_LOOK_UP = "PTE_LOOK_UP"
# Including the download: 400 MB at 7 MB/s. A slower cache is not worth waiting for.
_CACHE_ANSWER_MILLIS = 60_000
_NOT_FOUND = 75  # EX_TEMPFAIL of sysexits.h: failures are in no cache.
# Nobody needs more results of one key.
_MOST_AT_ONCE = 100

# Several Pants processes may work on one key at once. So each result is left in a folder of its own, which `mkdir`
# gives to only one process, and is complete once `part` is renamed to `done`. Only the process that renames that to
# `taken` takes it. A power cut may still have truncated files, so checksums are compared, those of the copies too. $0
# is the key.
_SUMS = """
sums() { for file; do /usr/bin/cksum <"$file" || return; done; }
"""
_TAKE = f"""{_SUMS}
[ -z "${_LOOK_UP}" ] || exit {_NOT_FOUND}
# Until there is none, since others may have taken all that were there when the pattern was expanded.
while :; do
  for left in "{_FOLDER}/$0".*/done; do
    case $left in *[*]*) exit {_NOT_FOUND} ;; esac
    folder=${{left%/done}}
    taken=$folder/taken
    if ! /bin/mv "$left" "$taken" 2>/dev/null; then
      [ ! -e "$left" ] || exit {_NOT_FOUND}
      continue
    fi
    # What is said on the standard error is part of the entry.
    expected=$(/bin/cat "$taken/sums" 2>/dev/null)
    if found=$(exec 2>/dev/null; cd "$taken" && sums {STDOUT} {STDERR} && cd {FILES} && sums "$@") &&
        [ "$found" = "$expected" ]; then
      /bin/cp -R "$taken/{FILES}/." . || exit {_NOT_FOUND}
      copied=$(sums "$taken/{STDOUT}" "$taken/{STDERR}" "$@") || exit {_NOT_FOUND}
      [ "$copied" = "$expected" ] || exit {_NOT_FOUND}
      /bin/cat "$taken/{STDOUT}" && /bin/cat "$taken/{STDERR}" >&2 || exit {_NOT_FOUND}
      /bin/rm -rf "$folder"
      exit 0
    fi
    /bin/rm -rf "$folder"
  done
done
"""
# What has not been touched for a day belongs to a killed process.
_LEAVE = f"""{_SUMS}
set -e
/usr/bin/find {_FOLDER}/ -mindepth 1 -maxdepth 1 -mtime +0 -exec /bin/rm -rf {{}} + || :
number=0
until /bin/mkdir "{_FOLDER}/$0.$number" 2>/dev/null; do
  number=$((number + 1))
  [ $number -lt {_MOST_AT_ONCE} ]
done
folder={_FOLDER}/$0.$number
/bin/mkdir "$folder/part"
sums {STDOUT} {STDERR} >"$folder/part/sums"
(cd {FILES} && sums "$@") >>"$folder/part/sums"
/bin/cp -R {FILES} {STDOUT} {STDERR} "$folder/part"
/bin/mv "$folder/part" "$folder/done"
"""


def look_up(key: str, output_files: Iterable[str], description: str) -> Process:
    """Succeeds if a cache has the entry, with its output files, stdout and stderr; fails at once otherwise."""
    return dataclasses.replace(
        take(key, output_files, f"Look up: {description}"),
        # By default it could run while a remote cache is still being asked.
        remote_cache_speculation_delay_millis=_CACHE_ANSWER_MILLIS,
        execution_slot_variable=_LOOK_UP,
    )


def take(key: str, output_files: Iterable[str], description: str) -> Process:
    """Makes the entry from what `leave` has left. Fails if that is missing, already taken or damaged."""
    return Process(
        ("/bin/sh", "-c", _TAKE, key, *output_files),
        append_only_caches=_CACHE,
        output_files=output_files,
        description=description,
        level=LogLevel.DEBUG,
    )


def leave(key: str, output_files: Iterable[str], result: Digest, description: str) -> Process:
    """Leaves a result for `take`. `result` has the output files in the folder FILES, and the files STDOUT and STDERR.

    Fails if an output file is missing: such a result is not kept.
    """
    return Process(
        ("/bin/sh", "-c", _LEAVE, key, *output_files),
        input_digest=result,
        append_only_caches=_CACHE,
        description=description,
        # It is run for its side effect.
        cache_scope=ProcessCacheScope.PER_SESSION,
        level=LogLevel.DEBUG,
    )
