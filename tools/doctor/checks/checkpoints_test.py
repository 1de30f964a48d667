from __future__ import annotations

from typing import Any

from doctor.checks.checkpoints import check_checkpoints
from doctor.checks.finding import State, can_build


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
