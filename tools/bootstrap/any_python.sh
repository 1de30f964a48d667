#!/usr/bin/env bash
# Prints the path of a CPython that can run the scripts beside this file. If the machine has none, the launcher's is installed.
#
#   any_python.sh CACHE OLDEST MINOR...      OLDEST: the oldest 3.x that will do. MINOR: what to install if there is none
set -euo pipefail
shopt -s nullglob
cache="$1" oldest="$2"

try() {
  local candidate
  for candidate in "$@"; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, int(sys.argv[1])))' "$oldest" </dev/null 2>/dev/null; then
      printf '%s\n' "$candidate"
      exit 0
    fi
  done
}

try "${PTE_PYTHON311:-python3.11}" "${PTE_PYTHON39:-python3.9}" python3.11 python3 python3.{14,13,12,10,9,8} \
  "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python3 "$cache"/python/cpython-3.*/bin/python3
if command -v uv >/dev/null; then
  try "$(uv python find --system --no-python-downloads ">=3.$oldest" 2>/dev/null)"
fi
bash "${BASH_SOURCE[0]%/*}/fetch_python.sh" "$cache" "${@:3}"
try "$cache"/python/cpython-3.*/bin/python3
echo "pants: $cache was changed by somebody else meanwhile. Run again." >&2
exit 1
