"""SDKs: versions, file names, and the message about a missing one."""

from __future__ import annotations

import pytest

from pte_build.sdk.kinds import (
    SDKS,
    SdkRequirement,
    is_library,
    sandbox_environment,
    stated_version,
)

QNN = SdkRequirement("qnn", "2.37")


@pytest.mark.parametrize("version", ["2.37", "2.37.0", "2.37.1.250807"])
def test_versions_that_fit(version: str) -> None:
    assert QNN.accepts(version)


@pytest.mark.parametrize("version", ["2.36.0", "2.370", "2.3", "12.37.0", "2"])
def test_versions_that_do_not_fit(version: str) -> None:
    assert not QNN.accepts(version)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("product: qairt\nversion: 2.37.0.250724\nos: linux\n", "2.37.0.250724"),
        ("version: 'v2.37.0'\r\n", "2.37.0"),
        ("sdk_version: 2.37.0\n", None),
        ("version: latest\n", None),
        ("", None),
    ],
)
def test_stated_version(text: str, version: str | None) -> None:
    assert stated_version(text) == version


@pytest.mark.parametrize("name", ["libQnnHtp.so", "libc++.so.1", "libunwind.so.1.0"])
def test_libraries(name: str) -> None:
    assert is_library(name)


@pytest.mark.parametrize("name", [".so", "libQnnHtp.so.txt", "libQnnHtp.a", "libfoo.so.debug"])
def test_no_libraries(name: str) -> None:
    assert not is_library(name)


def test_the_message_about_a_missing_sdk() -> None:
    assert QNN.missing_reason == (
        "[qnn] sdk_root is not set, and it needs the Qualcomm AI Engine Direct SDK 2.37"
    )
    assert "Install the Qualcomm AI Engine Direct SDK 2.37" in QNN.remedy
    assert "--qnn-sdk-root" in QNN.remedy


def test_the_environment_is_relative() -> None:
    environment = sandbox_environment("sdk/qnn", SDKS["qnn"])
    assert dict(environment) == {
        "QNN_SDK_ROOT": "sdk/qnn",
        "LD_LIBRARY_PATH": "sdk/qnn/lib/x86_64-linux-clang",
    }
