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
# More results of one key than that are no use to anybody.
_MOST_AT_ONCE = 100

# Several of Pants may have one key in hand at once. So each result is left in a folder of its own, which `mkdir` gives
# to one process alone, and is complete when `part` is called `done`. Who calls that `taken` is the only one who takes
# it. A power cut may still have cut files short: their checksums are compared, of the copies too. $0 is the key.
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
# What nobody has touched for a day is of a process that was killed.
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
        # It could run while a remote cache is still being asked.
        remote_cache_speculation_delay_millis=_CACHE_ANSWER_MILLIS,
        execution_slot_variable=_LOOK_UP,
    )


def take(key: str, output_files: Iterable[str], description: str) -> Process:
    """Makes the entry, of what `leave` has left. Fails if that is not there, no longer there, or damaged."""
    return Process(
        ("/bin/sh", "-c", _TAKE, key, *output_files),
        append_only_caches=_CACHE,
        output_files=output_files,
        description=description,
        level=LogLevel.DEBUG,
    )


def leave(key: str, output_files: Iterable[str], result: Digest, description: str) -> Process:
    """Leaves a result for `take`. `result` has the output files in the folder FILES, and the files STDOUT and STDERR.

    Fails if an output file is missing: such a result is no entry.
    """
    return Process(
        ("/bin/sh", "-c", _LEAVE, key, *output_files),
        input_digest=result,
        append_only_caches=_CACHE,
        description=description,
        # It is run for its effect.
        cache_scope=ProcessCacheScope.PER_SESSION,
        level=LogLevel.DEBUG,
    )
