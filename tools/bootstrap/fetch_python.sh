#!/usr/bin/env bash
# Installs builds of CPython from python-builds.json below CACHE/python, by uv: the user's, or one from a package index.
#
#   fetch_python.sh CACHE MINOR...      e.g. fetch_python.sh ~/.cache/pte-foundry 9 11
#
# It needs bash, coreutils, awk, gzip and sed; to fetch uv a Python with pip, curl, wget, or any Python 3. No unzip: where the
# program begins in the wheel is pinned. PTE_ANY_PYTHON: a Python that the caller has found.
set -euo pipefail
here="${BASH_SOURCE[0]%/*}"
[[ "$here" == /* ]] || here="$PWD/$here"
cache="$1"
pins=("$here"/uv-*.txt)
uv_version="${pins[0]##*/uv-}"
uv_version="${uv_version%.txt}"
set -f

note() { printf 'pants: %s\n' "$*" >&2; }

# The three ways out. 1: what failed.
give_up() {
  local archives=() build
  for build in "${builds[@]}"; do
    archives+=("$(sed -n "/\"$build\"/,/\"build\"/s|.*/releases/download/\([^\"]*\)\".*|\1|p" "$here/python-builds.json")")
  done
  note "CPython $(listed "${builds[@]}") is not on this machine, and cannot be fetched: $1"
  cat >&2 <<END
Do one of these, then run again:
- Let this machine reach a Python package index, and releases.astral.sh or github.com. HTTPS_PROXY, SSL_CERT_FILE and pip's
  settings (index-url, cert) are obeyed; UV_PYTHON_INSTALL_MIRROR names a mirror of python-build-standalone's releases.
- Fetch the files below elsewhere, and set UV_PYTHON_INSTALL_MIRROR=file:///FOLDER and PIP_FIND_LINKS=/FOLDER.
$(printf '      /FOLDER/%s\n' "$wheel" "${archives[@]//%2B/+}")
- Install CPython 3.9 and 3.11 (pyenv, your distribution), or name yours with PTE_PYTHON39 and PTE_PYTHON311.
END
  exit 1
}

listed() { # cpython-3.9.25-linux-... cpython-3.11.18-linux-...; stdout: 3.9.25 and 3.11.18
  local versions=("${@#cpython-}")
  versions=("${versions[@]%%-*}")
  local text="${versions[*]}"
  printf '%s' "${text// / and }"
}

runs() { "$cache/python/$1/bin/python3" -c '' </dev/null >/dev/null 2>error; } # 1: a build

setting() { # 1: of pip, such as index-url; stdout: its words, from the environment or pip's files
  local variable file
  variable="PIP_$(printf '%s' "$1" | tr a-z- A-Z_)"
  if [[ -n "${!variable-}" ]]; then
    printf '%s\n' "${!variable}"
    return 0
  fi
  for file in "${PIP_CONFIG_FILE-}" "${XDG_CONFIG_HOME:-$HOME/.config}/pip/pip.conf" "$HOME/.pip/pip.conf" \
    "$HOME/Library/Application Support/pip/pip.conf" "${XDG_CONFIG_DIRS:-/etc/xdg}/pip/pip.conf" /etc/pip.conf; do
    [[ ! -f "$file" || ! -r "$file" ]] || awk -v name="$1" '
      /^[^[:space:]]/ { on = 0 }
      $0 ~ "^" name "[[:space:]]*[=:]" { on = 1; sub(/^[^=:]*[=:]/, "") }
      on && !/^[[:space:]]*[#;]/' "$file"
  done
}

local_path() { # 1: a file: URL
  local path="${1#file:}"
  path="${path#//}"
  path="${path//\\/\\\\}"
  printf '%b' "${path//%/\\x}"
}

download() { # 1: URL; 2: file
  local python
  if [[ "$1" == file:* ]]; then
    cp -- "$(local_path "$1")" "$2" 2>error
  elif command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --netrc-optional --retry 1 --connect-timeout 20 --output "$2" "$1" 2>error
  elif command -v wget >/dev/null; then
    wget -q -T 20 ${SSL_CERT_FILE:+"--ca-certificate=$SSL_CERT_FILE"} -O "$2" "$1" 2>error || {
      echo "wget failed with exit code $? for ${1##*@}" >error
      return 1
    }
  else
    echo "curl and wget are missing: install one of them (and ca-certificates)" >error
    for python in ${PTE_ANY_PYTHON:+"$PTE_ANY_PYTHON"} python3; do
      command -v "$python" >/dev/null || continue
      "$python" -Es -c 'import shutil, sys, urllib.request as request
shutil.copyfileobj(request.urlopen(sys.argv[1], timeout=20), open(sys.argv[2], "wb"))' "$1" "$2" </dev/null 2>error && return 0
    done
    return 1
  fi
}

from_folders() {
  local folder
  for folder in $(setting find-links); do
    case "$folder" in
    file:*) folder="$(local_path "$folder")" ;;
    *://*) continue ;;
    [~]/*) folder="$HOME/${folder#??}" ;;
    esac
    [[ ! -f "$folder/$wheel" ]] || cp -- "$folder/$wheel" "$wheel" || continue
    [[ ! -f "$wheel" ]] || return 0
  done
  return 1
}

from_pip() {
  local python
  for python in ${PTE_ANY_PYTHON:+"$PTE_ANY_PYTHON"} python3; do
    "$python" -m pip --version </dev/null >/dev/null 2>&1 || continue
    env -u PIP_TARGET -u PIP_PREFIX -u PIP_ROOT -u PIP_USER PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1 \
      "$python" -m pip download --quiet --no-deps --only-binary :all: --retries 1 --dest . "uv==$uv_version" \
      </dev/null >/dev/null 2>error && return 0
  done
  return 1
}

from_indexes() {
  local indexes index link
  echo "no package index is set (pip's no-index)" >error
  indexes="${UV_DEFAULT_INDEX-} ${UV_INDEX_URL-} $(setting index-url)"
  [[ -n "${indexes//[[:space:]]/}" || -n "$(setting no-index)" ]] || indexes=https://pypi.org/simple
  for index in $indexes ${UV_INDEX-} ${UV_EXTRA_INDEX_URL-} $(setting extra-index-url); do
    [[ "${index%%=*}" == *[:/]* ]] || index="${index#*=}" # NAME=URL
    index="${index%/}/uv/"
    [[ "$index" != file:* ]] || index+=index.html
    download "$index" page || continue
    link="$(tr '<' '\n' <page | sed -n "s/.*href=[\"']\([^\"'#]*$wheel\)[#?\"'].*/\1/p" | tail -n 1)"
    case "$link" in
    "")
      echo "${index##*@} has no $wheel" >error
      continue
      ;;
    *://*) ;;
    //*) link="${index%%:*}:$link" ;;
    /*) link="$(printf '%s' "$index" | sed 's|^\([a-z]*://[^/]*\).*|\1|')$link" ;;
    *) link="${index%/*}/$link" ;;
    esac
    download "$link" "$wheel" && return 0
  done
  return 1
}

is_pinned() {
  local found
  found="$({ sha256sum "$wheel" 2>/dev/null || shasum -a 256 "$wheel"; } | cut -d ' ' -f 1)"
  [[ "$found" == "$sha256" ]] || {
    echo "wrong hash: $wheel has sha256 $found, pinned is $sha256" >error
    return 1
  }
}

# A member of a zip file is what stands between the head and the tail of a gzip file.
unpack() {
  mkdir uv
  {
    printf '\x1f\x8b\x08\0\0\0\0\0\0\x03'
    head -c $((offset + length)) "$wheel" | tail -c "$length"
    printf '%b' "$(printf '%s' "$end" | sed 's/../\\x&/g')"
  } | gzip -dc >uv/uv 2>error && chmod 755 uv/uv
}

fetch_uv() {
  local way cause
  for way in from_folders from_pip from_indexes; do
    if "$way" && is_pinned; then
      if ! unpack || ! uv/uv --version >/dev/null 2>error; then
        give_up "uv $uv_version cannot run here: $(tail -n 1 error)"
      fi
      rm -rf -- "$cache/uv-$uv_version"
      mv -- uv "$cache/uv-$uv_version"
      return 0
    fi
    cause="$(awk 'NF { line = $0 } END { print line }' error)"
    rm -f -- "$wheel"
  done
  give_up "fetching uv $uv_version failed: $cause"
}

knows_the_option() { [[ "$("$1" python install --help 2>/dev/null </dev/null)" == *--python-downloads-json-url* ]]; }

while read -r kernel machine platform wheel bytes sha256 offset length end; do
  [[ "$kernel $machine" != "$(uname -s) $(uname -m)" ]] || break
done <"${pins[0]}"
if [[ -z "$platform" ]]; then
  note "unsupported platform: $(uname -s) $(uname -m). No CPython is pinned for it: install CPython 3.9 and 3.11 yourself."
  exit 1
fi

umask 022
if ! { mkdir -p -- "$cache" && : >>"$cache/.lock"; } 2>/dev/null; then
  note "cannot use the cache folder $cache. Make it writable, or name another folder with PTE_FOUNDRY_CACHE."
  exit 1
fi
exec 9>>"$cache/.lock" # as cache_folder.py locks it
if command -v flock >/dev/null && ! flock -n 9; then
  note "waiting for another ./pants to finish the preparation in $cache"
  flock 9
fi
scratch="$(mktemp -d "$cache/.tmp-XXXXXX")"
trap 'rm -rf -- "$scratch"' EXIT
cd -- "$scratch"
: >error

builds=()
for minor in "${@:2}"; do
  build="$(sed -n "s/^ *\"\(cpython-3\.$minor\.[0-9]*-$platform\)\".*/\1/p" "$here/python-builds.json")"
  runs "$build" || builds+=("$build")
done
((${#builds[@]} > 0)) || exit 0

certificate="$(setting cert)"
[[ -z "$certificate" ]] || export SSL_CERT_FILE="$certificate" CURL_CA_BUNDLE="$certificate"
uv="$cache/uv-$uv_version/uv"
knows_the_option "$uv" || uv="$(command -v uv || true)"
what="CPython $(listed "${builds[@]}") (about $((30 * ${#builds[@]})) MB) into $cache, once"
if [[ -n "$uv" ]] && knows_the_option "$uv"; then
  note "Fetching $what"
else
  note "Fetching uv $uv_version ($((bytes / 1000000)) MB) and $what"
  fetch_uv
  uv="$cache/uv-$uv_version/uv"
fi
"$uv" --color never --no-progress --cache-dir "$scratch/cache" python install --no-bin --reinstall --install-dir "$cache/python" \
  --python-downloads-json-url "$here/python-builds.json" "${builds[@]}" </dev/null >error 2>&1 ||
  give_up "$(awk '/^error/ && !first { first = $0 } sub(/^ *([Cc]ause|Caused by): */, "") { last = ": " $0 } END { print first last }' error)"
for build in "${builds[@]}"; do
  runs "$build" || give_up "$build was installed, but does not run: $(tail -n 1 error)"
done
