"""An SDK as an input: which of its files, what of them counts, and which folders are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pants.engine.fs import DigestContents
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.errors import PteBuildError
from pte_build.sdk.files import Sdk, SdkRequest, installed_files
from pte_build.sdk.kinds import SdkRequirement
from pte_build.test_support import GAMMA_CHIP, make_runner, refusal, set_options, write_sdk

QNN = SdkRequirement("qnn", "2.37")
LIBRARIES = "lib/x86_64-linux-clang"
REQUEST = SdkRequest(QNN, GAMMA_CHIP)


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(queries=(QueryRule(Sdk, (SdkRequest,)),))


def read(runner: RuleRunner, option: str) -> Sdk:
    """The SDK as a new session sees it."""
    set_options(runner, option)
    return runner.request(Sdk, [REQUEST])


def test_which_files_processes_get(runner: RuleRunner, tmp_path: Path) -> None:
    option = write_sdk(tmp_path)
    (tmp_path / LIBRARIES / "notes.txt").write_text("not for processes")
    (tmp_path / "lib/aarch64-android").mkdir()
    (tmp_path / "lib/aarch64-android/libQnnHtp.so").write_text("for phones")
    sdk = read(runner, option)
    contents = runner.request(DigestContents, [sdk.digest])
    assert {file.path: file.content for file in contents} == {
        "sdk/qnn/sdk.yaml": b"name: qairt\nversion: 2.37.0.250724\n",
        f"sdk/qnn/{LIBRARIES}/libQnnHtp.so": b"compiler",
        f"sdk/qnn/{LIBRARIES}/libc++.so.1": b"runtime",
    }
    assert dict(sdk.environment) == {
        "QNN_SDK_ROOT": "sdk/qnn",
        "LD_LIBRARY_PATH": f"sdk/qnn/{LIBRARIES}",
    }


def test_neither_the_folder_nor_modes_nor_links_count(runner: RuleRunner, tmp_path: Path) -> None:
    first = read(runner, write_sdk(tmp_path / "a"))
    option = write_sdk(tmp_path / "b; touch 'c'")
    libraries = tmp_path / "b; touch 'c'" / LIBRARIES
    (libraries / "libQnnHtp.so").rename(tmp_path / "elsewhere.so")
    (tmp_path / "elsewhere.so").chmod(0o755)
    (libraries / "libQnnHtp.so").symlink_to(tmp_path / "elsewhere.so")
    assert read(runner, option) == first


def test_the_content_of_a_library_counts_in_the_next_session(
    runner: RuleRunner, tmp_path: Path
) -> None:
    first = read(runner, write_sdk(tmp_path))
    second = read(runner, write_sdk(tmp_path, library="another"))
    again = read(runner, write_sdk(tmp_path))
    assert second.digest != first.digest == again.digest


def test_another_set_of_files_counts_in_the_next_session(
    runner: RuleRunner, tmp_path: Path
) -> None:
    option = write_sdk(tmp_path)
    first = read(runner, option)
    (tmp_path / LIBRARIES / "libQnnSystem.so").write_text("more")
    assert read(runner, option).digest != first.digest
    write_sdk(tmp_path, version="2.47.0")
    set_options(runner, option)
    assert "has version 2.47.0" in refusal(runner, Sdk, REQUEST)


def test_a_relative_folder_starts_at_the_root(runner: RuleRunner) -> None:
    write_sdk(Path(runner.build_root, "vendor"))
    assert read(runner, "--qnn-sdk-root=vendor").digest


def test_a_backend_without_an_sdk_gets_nothing(runner: RuleRunner) -> None:
    set_options(runner, "--qnn-sdk-root=/nonexistent")
    assert runner.request(Sdk, [SdkRequest(None, GAMMA_CHIP)]) == Sdk()


def test_an_sdk_that_is_not_set(runner: RuleRunner) -> None:
    set_options(runner)
    assert refusal(runner, Sdk, REQUEST) == (
        "models/gamma:gamma_chip is unavailable: [qnn] sdk_root is not set, and it needs the "
        "Qualcomm AI Engine Direct SDK 2.37. Install the Qualcomm AI Engine Direct SDK 2.37 and "
        "name its folder with --qnn-sdk-root."
    )


def test_a_bad_folder_is_reported_with_the_program(runner: RuleRunner) -> None:
    set_options(runner, "--qnn-sdk-root=/nonexistent")
    message = refusal(runner, Sdk, REQUEST)
    assert message.startswith("models/gamma:gamma_chip: [qnn] sdk_root is /nonexistent, where")


def refused(folder: Path) -> str:
    with pytest.raises(PteBuildError) as caught:
        installed_files(str(folder), QNN)
    message = str(caught.value)
    assert message.startswith(f"[qnn] sdk_root is {folder}, ")
    assert message.endswith(QNN.remedy)
    return message


def test_a_folder_that_is_missing_or_another_one(tmp_path: Path) -> None:
    assert "sdk.yaml cannot be read" in refused(tmp_path / "nothing")
    assert "sdk.yaml cannot be read" in refused(tmp_path)


def test_a_folder_without_a_version(tmp_path: Path) -> None:
    write_sdk(tmp_path, version="unknown")
    assert "sdk.yaml has no line `version: 2.37." in refused(tmp_path)


@pytest.mark.parametrize("version", ["2.36.0", "2.47.0.260601"])
def test_another_version(tmp_path: Path, version: str) -> None:
    write_sdk(tmp_path, version=version)
    assert f"has version {version}, but 2.37 is needed" in refused(tmp_path)


def test_a_folder_without_the_compiler(tmp_path: Path) -> None:
    write_sdk(tmp_path)
    (tmp_path / LIBRARIES / "libQnnHtp.so").unlink()
    assert f"has no {LIBRARIES}/libQnnHtp.so" in refused(tmp_path)
