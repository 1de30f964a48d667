from __future__ import annotations

from pathlib import Path
from typing import Any

from doctor.checks.finding import State, can_build
from doctor.checks.services import check_cache_server, check_checkpoints, check_qnn_sdk


def target(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "address": f"models/x:{name}",
        "target_type": "model_weights",
        "sha256": "0" * 64,
        "urls": [f"https://example.org/{name}.pt"],
        **changes,
    }


def test_a_pinned_checkpoint_that_can_be_fetched_is_well() -> None:
    (finding,) = check_checkpoints([target("a")], lambda _: "")
    assert (finding.state, finding.remedy) == (State.ok, "")


def test_what_is_in_the_way_is_told_and_stops_no_seeded_build() -> None:
    targets = [
        target("b"),
        target("a", sha256=None),
        target("c", target_type="pte_program"),
        target("d", urls=None),
    ]
    unpinned, unreachable, nowhere = check_checkpoints(
        targets, lambda url: "no answer" if url.endswith("b.pt") else ""
    )
    assert unpinned.found == "not pinned, can be fetched"
    assert unpinned.remedy == "`./foundry pin models/x:a`"
    assert unreachable.found == "pinned, cannot be fetched (example.org: no answer)"
    assert "--weights-distdirs" in unreachable.remedy
    assert nowhere.state == State.missing
    assert can_build([unpinned, unreachable, nowhere])


def test_the_next_address_is_asked_if_one_does_not_answer() -> None:
    urls = ["https://a.org/x", "https://b.org/x", "https://c.org/x"]
    asked = []

    def answers(url: str) -> str:
        asked.append(url)
        return "" if url == urls[1] else "no answer"

    (finding,) = check_checkpoints([target("a", urls=urls)], answers)
    assert finding.state == State.ok
    assert asked == urls[:2]


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
