"""The vendor SDKs that a `pte_backend` can need: their names, and which of their files an export gets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

from pants.util.frozendict import FrozenDict


@dataclass(frozen=True)
class SdkKind:
    """`option` and `flag` name its folder. Paths are below that folder: `version_file` has a line
    `version: 2.37.0`, and `library_folder` has the shared libraries of Linux x86-64, `required_library` among them.
    """

    title: str
    option: str
    flag: str
    root_variable: str
    version_file: str
    library_folder: str
    required_library: str


@dataclass(frozen=True)
class SdkRequirement:
    """An SDK that a backend needs: a key of SDKS, and the beginning of its version, e.g. `2.37`."""

    name: str
    version: str

    @property
    def kind(self) -> SdkKind:
        return SDKS[self.name]

    def __str__(self) -> str:
        return f"{self.kind.title} {self.version}"

    @property
    def missing_reason(self) -> str:
        """Why a program is unavailable without it; the same text on every machine."""
        return f"{self.kind.option} is not set, and it needs the {self}"

    @property
    def remedy(self) -> str:
        return f"Install the {self} and name its folder with {self.kind.flag}."

    def accepts(self, version: str) -> bool:
        """Whether `version` is the required one or a more specific one: 2.37 accepts 2.37.0, but not 2.370."""
        return f"{version}.".startswith(f"{self.version}.")


SDKS: FrozenDict[str, SdkKind] = FrozenDict(
    {
        "qnn": SdkKind(
            title="Qualcomm AI Engine Direct SDK",
            option="[qnn] sdk_root",
            flag="--qnn-sdk-root",
            root_variable="QNN_SDK_ROOT",
            version_file="sdk.yaml",
            library_folder="lib/x86_64-linux-clang",
            required_library="libQnnHtp.so",
        )
    }
)

# As pte_foundry.backends.qnn.sdk reads it.
_VERSION = re.compile(r"^version:\s*[\"']?v?([0-9]+(?:\.[0-9]+)+)[\"']?\s*$", re.MULTILINE)
_LIBRARY = re.compile(r".+\.so(\.[0-9]+)*")


def stated_version(text: str) -> str | None:
    """The version in the text of a version file; None if it has none."""
    found = _VERSION.search(text)
    return found[1] if found else None


def is_library(name: str) -> bool:
    """Whether a file name is that of a shared library: `libQnnHtp.so`, `libc++.so.1`."""
    return _LIBRARY.fullmatch(name) is not None


def sandbox_environment(sdk_folder: str, kind: SdkKind) -> FrozenDict[str, str]:
    """The variables by which a process finds the SDK, with paths relative to its sandbox."""
    libraries = str(PurePath(sdk_folder, kind.library_folder))
    return FrozenDict({kind.root_variable: sdk_folder, "LD_LIBRARY_PATH": libraries})
