"""For tests of fetch_python.sh: a wheel of a uv that only pretends, the pins that fit it, and an index that has it."""

from __future__ import annotations

import hashlib
import shutil
import struct
import zipfile
from pathlib import Path

VERSION = "0.13.8"
WHEEL = f"uv-{VERSION}-py3-none-any.whl"
_HERE = Path(__file__).resolve().parent
_MEMBER = f"uv-{VERSION}.data/scripts/uv"

# "Installs" scripts that do nothing, which is all that is asked of them.
UV = r"""#!/bin/sh
if [ "$1" = --version ]; then echo uv; exit; fi
case "$*" in *--help*) echo "--python-downloads-json-url"; exit;; esac
echo "$*" >>@LOG@
umask >>@LOG@
[ -z "$FAKE_PAUSE" ] || { touch @REACHED@; sleep 2; }
[ -z "$FAKE_STOP" ] || { touch @REACHED@; sleep 60; }
[ -z "$FAKE_FAIL" ] || {
  printf 'error: Failed to install\n  cause: sending\n  cause: %s\n\n    detail\n' "$FAKE_FAIL" >&2
  exit 2
}
while [ $# -gt 0 ]; do
  case "$1" in
  --install-dir) folder="$2" ;;
  cpython-*)
    mkdir -p "$folder/$1/bin"
    printf '#!/bin/sh\n' >"$folder/$1/bin/python3"
    chmod 755 "$folder/$1/bin/python3"
    ;;
  esac
  shift
done
"""


def scripts(folder: Path, log: Path) -> Path:
    """Copies fetch_python.sh and its pins, made to fit the wheel `folder/files/WHEEL`, which is written too.

    Args:
        log: gets the command lines of the uv; `reached` beside it appears when one waits for FAKE_STOP.
    """
    copy = folder / "scripts"
    copy.mkdir(parents=True)
    for name in ("any_python.sh", "fetch_python.sh", "python-builds.json"):
        shutil.copy(_HERE / name, copy)
    wheel = folder / "files" / WHEEL
    wheel.parent.mkdir()
    text = UV.replace("@LOG@", str(log)).replace("@REACHED@", str(log.with_name("reached")))
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("uv/__init__.py", "before " * 100)
        archive.writestr(_MEMBER, text)
        archive.writestr("uv/after.py", "after " * 100)
    (copy / f"uv-{VERSION}.txt").write_text("".join(f"{row} {pins(wheel)}\n" for row in _rows()))
    return copy


def pins(wheel: Path) -> str:
    """What follows the platform in the pin table: file, bytes, sha256, offset, length, end of a gzip file."""
    content = wheel.read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (each for each in archive.infolist() if each.filename.endswith("/scripts/uv"))
    head = member.header_offset
    name, extra = struct.unpack("<HH", content[head + 26 : head + 30])
    end = struct.pack("<II", member.CRC, member.file_size).hex()
    digest = hashlib.sha256(content).hexdigest()
    offset = head + 30 + name + extra
    return f"{wheel.name} {len(content)} {digest} {offset} {member.compress_size} {end}"


def _rows() -> list[str]:
    """Kernel, machine and platform, as the real table has them."""
    lines = (_HERE / f"uv-{VERSION}.txt").read_text().splitlines()
    return [" ".join(line.split()[:3]) for line in lines if not line.startswith("#")]


def index_page(link: str) -> str:
    """A page of the simple API (PEP 503), with other files before and after."""
    other = f'<a href="{link.replace(VERSION, "0.13.7")}#sha256=0">older</a>'
    return f'<html><body>\n{other}<br/>\n<a href="{link}#sha256=0" data-x="1">uv</a><br/>\n{other}</body></html>'
