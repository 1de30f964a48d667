"""The pin table: every version and hash that the launcher installs.

To move to another Pants (PANTS_VERSION here and `pants_version` in pants.toml must agree):

    printf 'pantsbuild.pants==VERSION\\nsetuptools==63.4.3\\n' |
      uv pip compile --generate-hashes --python-version 3.9 --no-emit-index-url \\
        --no-emit-find-links --no-annotate --no-header - > tools/bootstrap/pants-VERSION.txt

The same command with `pex==VERSION` writes `pex-VERSION.txt`; then build the pex CLI with an empty
`PEX_CLI_SHA256`, on two machines, and copy the hash that the error message prints.

To move to another uv, fetch its wheels from the package index: a row of `uv-VERSION.txt` after the first three
words is what `fake_uv.pins` gives for a wheel. To move to other builds of CPython, copy their entries from
`download-metadata.json` in uv's source distribution into `python-builds.json`; 3.9.25 is the last build of 3.9.

The hash of a torch wheel: `pip download --no-deps --only-binary :all: torch==VERSION+cpu` under
CPython 3.11, then `pip hash`.
"""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from messages import PreparationError

PANTS_VERSION = "2.17.1"
PANTS_REQUIREMENTS = f"pants-{PANTS_VERSION}.txt"

PEX_VERSION = "2.105.2"
PEX_REQUIREMENTS = f"pex-{PEX_VERSION}.txt"
# Built here from the index's wheel. GitHub's file of the same version has another hash.
PEX_CLI_SHA256 = "134f7eb398ab8e0a52248c50982feaf398a3158b62fe18eb4ebb5d6866141e89"
PEX_CLI_SIZE = 5467134  # bytes
# Pants' names for the platforms it runs on. The pex is pure Python: one file serves all of them.
PEX_CLI_PLATFORMS = ("linux_arm64", "linux_x86_64", "macos_arm64", "macos_x86_64")

# PyTorch's CPU-only builds, which the Python package index does not carry.
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


@dataclass(frozen=True)
class Wheel:
    """A wheel that is fetched into the cache folder, since the package index lacks it.

    Attributes:
        requirement: for pip, e.g. "torch==2.13.0+cpu".
        file_name: the wheel's file name.
        sha256: lower-case hex digest of the file.
        size: bytes.
    """

    requirement: str
    file_name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class PlatformPins:
    """What differs between platforms.

    Attributes:
        torch_wheel: the wheel to fetch; None where the package index has the CPU build itself.
        built_from_source: Pants' requirements that have no wheel for this platform.
        tested: whether the launcher was run there.
    """

    torch_wheel: Wheel | None
    built_from_source: tuple[str, ...]
    tested: bool


PLATFORMS: dict[tuple[str, str], PlatformPins] = {
    ("linux", "x86_64"): PlatformPins(
        torch_wheel=Wheel(
            requirement="torch==2.13.0+cpu",
            file_name="torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
            sha256="6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",
            size=191794682,
        ),
        built_from_source=(),
        tested=True,
    ),
    # Untested. The package index's wheel is a CUDA build; the hash of the CPU build is unknown.
    ("linux", "aarch64"): PlatformPins(torch_wheel=None, built_from_source=(), tested=False),
    # Untested. The package index's wheel is the CPU/Metal build.
    ("darwin", "arm64"): PlatformPins(torch_wheel=None, built_from_source=("ijson",), tested=False),
}


def python_builds() -> dict[str, Any]:
    """The builds of CPython that fetch_python.sh installs: uv's name to uv's description."""
    file = Path(__file__).resolve().with_name("python-builds.json")
    builds: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return builds


def platform_pins(system: str = sys.platform, machine: str = platform.machine()) -> PlatformPins:
    """The pins of one platform, by default the one this process runs on.

    Raises:
        PreparationError: nothing is pinned for this platform.
    """
    pins = PLATFORMS.get((system, machine))
    if pins is None:
        known = ", ".join(" ".join(key) for key in sorted(PLATFORMS))
        raise PreparationError(
            f"unsupported platform: {system} {machine}. Supported: {known}.\n"
            "On Windows use WSL 2. To add a platform, add its pins to tools/bootstrap/pins.py."
        )
    return pins
