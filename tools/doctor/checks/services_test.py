from __future__ import annotations

from pathlib import Path

from doctor.checks.finding import State, can_build
from doctor.checks.services import check_cache_server, check_qnn_sdk


def test_an_sdk_that_is_not_set_stops_only_what_needs_it(tmp_path: Path) -> None:
    finding = check_qnn_sdk(None, tmp_path)
    assert finding.state == State.missing
    assert "docs/unavailable.md" in finding.remedy
    assert can_build([finding])


def test_a_folder_that_is_no_sdk_is_told(tmp_path: Path) -> None:
    assert "has no sdk.yaml, lib/" in check_qnn_sdk("sdk", tmp_path).found
    (tmp_path / "sdk" / "lib" / "x86_64-linux-clang").mkdir(parents=True)
    (tmp_path / "sdk" / "sdk.yaml").touch()
    assert check_qnn_sdk("sdk", tmp_path).state == State.missing
    (tmp_path / "sdk" / "lib" / "x86_64-linux-clang" / "libQnnHtp.so").touch()
    assert check_qnn_sdk("sdk", tmp_path).state == State.ok
    assert check_qnn_sdk(str(tmp_path / "sdk"), Path("/elsewhere")).state == State.ok


def test_a_cache_server_is_never_needed() -> None:
    assert check_cache_server(None, lambda _: "never asked").state == State.ok
    assert check_cache_server("grpc://a:1", lambda _: "").state == State.ok
    refused = check_cache_server("grpc://a:1", lambda _: "refused")
    assert refused.state == State.limited
    assert refused.found == "grpc://a:1: refused"
