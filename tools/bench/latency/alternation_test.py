from __future__ import annotations

from bench.latency.alternation import ROUNDS, Timer, alternate


def test_all_are_timed_in_turns_and_none_is_always_first() -> None:
    calls: list[str] = []

    def timer(name: str) -> Timer:
        def time(warm_up: int, timed: int) -> list[float]:
            assert warm_up > 0
            calls.append(name)
            return [float(len(calls))] * timed

        return time

    seconds = alternate({name: timer(name) for name in "abc"}, 3)
    assert "".join(calls) == "abcbcacab"
    assert seconds["b"] == [2.0] * 6 + [4.0] * 6 + [9.0] * 6


def test_the_default_gives_thirty_samples() -> None:
    samples = alternate({"a": lambda warm_up, timed: [1.0] * timed}, ROUNDS)
    assert len(samples["a"]) == 30
