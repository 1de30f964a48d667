"""The Qualcomm AI Engine Direct SDK: where it is, and whether it is one that can be used.

Standard library only: it must answer before anything of `executorch.backends.qualcomm` is imported,
because that package downloads an SDK of its own when the environment names none.
"""

from __future__ import annotations

import ctypes
import os
import re
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.errors import PteError

ROOT_VARIABLE = "QNN_SDK_ROOT"
SEARCH_VARIABLE = "LD_LIBRARY_PATH"
# Qualcomm's names, below the SDK's folder. Compilers for the other hosts are not in the wheel.
LIBRARIES = "lib/x86_64-linux-clang"
HTP_LIBRARY = "libQnnHtp.so"
VERSION_FILE = "sdk.yaml"

_VERSION = re.compile(r"^version:\s*[\"']?v?([0-9]+(?:\.[0-9]+)+)[\"']?\s*$", re.MULTILINE)
_REMEDY = (
    f"Install the Qualcomm AI Engine Direct SDK, set {ROOT_VARIABLE} to its folder, and put that "
    f"folder's {LIBRARIES} into {SEARCH_VARIABLE}; in builds, set [qnn] sdk_root"
)


@dataclass(frozen=True)
class QnnSdk:
    """An SDK on this machine.

    Attributes:
        root: its folder.
        version: as its `sdk.yaml` gives it, e.g. `2.37.0.250724`.
    """

    root: Path
    version: str

    @property
    def htp_library(self) -> Path:
        """The compiler for the Hexagon Tensor Processor."""
        return self.root / LIBRARIES / HTP_LIBRARY


def find_sdk() -> QnnSdk:
    """The SDK that the environment names.

    Raises:
        PteError: `sdk-missing` if the environment names none, or names a folder without the
            compiler, the version, or a place on the loader's path.
    """
    named = os.environ.get(ROOT_VARIABLE)
    if not named:
        raise PteError("sdk-missing", f"{ROOT_VARIABLE} is not set. {_REMEDY}")
    root = Path(named)
    version_file = root / VERSION_FILE
    try:
        found = _VERSION.search(version_file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PteError(
            "sdk-missing", f"{version_file} cannot be read: {error}. {_REMEDY}"
        ) from None
    if found is None:
        raise PteError("sdk-missing", f"{version_file} has no line `version: 2.x.y`. {_REMEDY}")
    sdk = QnnSdk(root, found[1])
    if not sdk.htp_library.is_file():
        raise PteError("sdk-missing", f"{sdk.htp_library} does not exist. {_REMEDY}")
    searched = {Path(folder) for folder in os.environ.get(SEARCH_VARIABLE, "").split(":") if folder}
    if sdk.htp_library.parent not in searched:
        raise PteError(
            "sdk-missing", f"{SEARCH_VARIABLE} does not have {sdk.htp_library.parent}. {_REMEDY}"
        )
    return sdk


def check_version(sdk: QnnSdk, wanted: str) -> None:
    """Refuse an SDK of another major or minor version than `wanted`.

    Raises:
        PteError: `sdk-version`, naming both.
    """
    if sdk.version.split(".")[:2] != wanted.split(".")[:2]:
        release = ".".join(wanted.split(".")[:2])
        raise PteError(
            "sdk-version",
            f"the SDK in {sdk.root} is {sdk.version}, but this ExecuTorch is written for {wanted}. "
            f"Install the Qualcomm AI Engine Direct SDK {release}",
        )


def check_loadable(sdk: QnnSdk) -> None:
    """Load the compiler once, because ExecuTorch ends the whole process if that fails.

    Raises:
        PteError: `sdk-missing` with the loader's own words.
    """
    try:
        ctypes.CDLL(str(sdk.htp_library))
    except OSError as error:
        raise PteError(
            "sdk-missing",
            f"{sdk.htp_library} cannot be loaded: {error}. Qualcomm's libraries are linked with "
            "LLVM's C++ library: if libc++.so.1, libc++abi.so.1 or libunwind.so.1 is what is "
            f"missing, install it, or put it into the SDK's {LIBRARIES}",
        ) from None
