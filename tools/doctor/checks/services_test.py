from __future__ import annotations

from pathlib import Path

from doctor.checks.finding import State, can_build
from doctor.checks.services import check_cache_server, check_checkpoints, check_qnn_sdk
from doctor.facts.checkpoints import DeclaredCheckpoint


def checkpoint(name: str, *urls: str, pinned: bool = True) -> DeclaredCheckpoint:
    return DeclaredCheckpoint(f"models/x:{name}", f"{name}.pt", urls, pinned)


def nowhere(name: str) -> bool:
    return False


def test_pinned_checkpoints_that_can_be_fetched_are_one_line() -> None:
    both = [checkpoint("a", "https://a.org/a"), checkpoint("b", "https://a.org/b")]
    (finding,) = check_checkpoints(both, lambda _: "", nowhere)
    assert finding.state == State.ok and finding.found.startswith("2 of 2 official ones")


def test_each_host_is_told_once_and_stops_no_seeded_build() -> None:
    declared = [
        checkpoint("a", "https://a.org/a"),
        checkpoint("b", "https://b.org/b"),
        checkpoint("c", "https://a.org/c", pinned=False),
        checkpoint("d", "https://a.org/d", "https://b.org/d"),
        checkpoint("e"),
    ]
    total, lost, nothing, unpinned = check_checkpoints(
        declared, lambda url: "no answer" if "a.org" in url else "", nowhere
    )
    assert (total.state, total.found[:6]) == (State.limited, "2 of 5")
    assert lost.found == "a.org (no answer): a, c"
    assert "--weights-distdirs" in lost.remedy
    assert nothing.found == "no URL is declared: e"
    assert unpinned.found == "not pinned: models/x:c"
    assert unpinned.remedy == "For each: `./foundry pin ADDRESS`"
    assert can_build([total, lost, nothing, unpinned])


def test_a_host_that_was_slow_to_fail_is_told_once() -> None:
    declared = [checkpoint(name, f"https://a.org/{name}") for name in "abc"]
    reasons = {"a": "no answer within 1.5 s", "b": "Name not known", "c": "no answer within 1.5 s"}
    found = check_checkpoints(declared, lambda url: reasons[url[-1]], nowhere)
    assert [each.found for each in found[1:]] == ["a.org (Name not known): a, b, c"]


def test_the_same_host_with_another_reason_is_another_line() -> None:
    declared = [checkpoint("a", "https://a.org/a"), checkpoint("b", "https://a.org/b")]
    found = check_checkpoints(declared, lambda url: f"HTTP 404 {url[-1]}", nowhere)
    assert [each.found for each in found[1:]] == [
        "a.org (HTTP 404 a): a",
        "a.org (HTTP 404 b): b",
    ]
    assert found[0].state == State.missing


def test_a_file_that_is_here_needs_no_host() -> None:
    (finding,) = check_checkpoints(
        [checkpoint("a", "u")], lambda _: "no", lambda name: name == "a.pt"
    )
    assert finding.state == State.ok


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
