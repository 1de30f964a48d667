from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pte_foundry.backends.qnn.sdk import QnnSdk, check_loadable, check_version, find_sdk
from pte_foundry.errors import PteError

_LIBRARIES = "lib/x86_64-linux-clang"


@pytest.fixture()
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up SDK that the environment names: the files that are looked at, without sense."""
    libraries = tmp_path / _LIBRARIES
    libraries.mkdir(parents=True)
    (libraries / "libQnnHtp.so").write_bytes(b"no library")
    (tmp_path / "sdk.yaml").write_text("name: qairt\nversion: 2.37.0.250724\nos: linux\n")
    monkeypatch.setenv("QNN_SDK_ROOT", str(tmp_path))
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/somewhere/else:{libraries}")
    return tmp_path


def _refusal() -> str:
    with pytest.raises(PteError) as caught:
        find_sdk()
    assert caught.value.kind == "sdk-missing"
    for option in ("QNN_SDK_ROOT", "LD_LIBRARY_PATH", "[qnn] sdk_root"):
        assert option in caught.value.message
    return caught.value.message


def test_the_sdk_that_the_environment_names(folder: Path) -> None:
    sdk = find_sdk()
    assert sdk == QnnSdk(folder, "2.37.0.250724")
    assert sdk.htp_library == folder / _LIBRARIES / "libQnnHtp.so"


@pytest.mark.parametrize("value", [None, ""])
def test_no_sdk(folder: Path, monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("QNN_SDK_ROOT")
    if value is not None:
        monkeypatch.setenv("QNN_SDK_ROOT", value)
    assert "QNN_SDK_ROOT is not set" in _refusal()


@pytest.mark.parametrize("missing", ["sdk.yaml", f"{_LIBRARIES}/libQnnHtp.so"])
def test_a_folder_without_a_needed_file(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    assert str(folder / missing) in _refusal()


@pytest.mark.parametrize(
    "text", ["", "name: qairt\n", "version: unknown\n", "sdk_version: 2.37.0\n", "version: 2\n"]
)
def test_a_folder_without_a_version(folder: Path, text: str) -> None:
    (folder / "sdk.yaml").write_text(text)
    assert "has no line `version: 2.x.y`" in _refusal()


@pytest.mark.parametrize(
    "text", ["version: 2.37.0\n", "version: 'v2.37.0'\r\n", 'version: "2.37.0"']
)
def test_ways_to_write_a_version(folder: Path, text: str) -> None:
    (folder / "sdk.yaml").write_bytes(text.encode())
    assert find_sdk().version == "2.37.0"


@pytest.mark.parametrize("path", ["", "/somewhere/else"])
def test_libraries_that_the_loader_does_not_search(
    folder: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", path)
    assert f"LD_LIBRARY_PATH does not have {folder / _LIBRARIES}" in _refusal()


@pytest.mark.parametrize("version", ["2.37.0.250724", "2.37.1"])
def test_versions_that_fit(version: str) -> None:
    check_version(QnnSdk(Path("sdk"), version), "2.37.0.250724")


@pytest.mark.parametrize("version", ["2.36.0", "2.370.0", "3.37.0", "2.47.0.260601"])
def test_another_version_is_refused(version: str) -> None:
    with pytest.raises(PteError) as caught:
        check_version(QnnSdk(Path("sdk"), version), "2.37.0.250724")
    assert caught.value.kind == "sdk-version"
    assert version in caught.value.message
    assert "Install the Qualcomm AI Engine Direct SDK 2.37" in caught.value.message


def test_a_compiler_that_cannot_be_loaded(folder: Path) -> None:
    with pytest.raises(PteError) as caught:
        check_loadable(find_sdk())
    assert caught.value.kind == "sdk-missing"
    assert "libQnnHtp.so cannot be loaded" in caught.value.message
    assert "libc++.so.1" in caught.value.message


def test_a_compiler_that_can_be_loaded(folder: Path) -> None:
    library = folder / _LIBRARIES / "libQnnHtp.so"
    library.unlink()
    # Any library will do; this one is loaded already.
    library.symlink_to(Path(torch.__file__).parent / "lib" / "libc10.so")
    check_loadable(find_sdk())
