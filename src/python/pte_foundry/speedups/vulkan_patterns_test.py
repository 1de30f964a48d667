from __future__ import annotations

from executorch.backends.vulkan import patterns  # type: ignore[import-untyped]

from pte_foundry.speedups import vulkan_patterns


def _texts(graphs: object) -> list[str]:
    assert isinstance(graphs, list)
    return [str(one.graph) for one in graphs]


def test_the_patterns_are_the_same_and_are_exported_once() -> None:
    upstream = patterns.all_fusable_graph_patterns()
    with vulkan_patterns.applied():
        first, second = (patterns.all_fusable_graph_patterns() for _ in range(2))
    assert _texts(first) == _texts(upstream) and len(upstream) >= 2
    assert all(one is other for one, other in zip(first, second))
    first.clear()
    assert len(second) == len(upstream), "the list is the caller's own"


def test_they_do_not_outlive_the_block() -> None:
    with vulkan_patterns.applied():
        first = patterns.all_fusable_graph_patterns()
    with vulkan_patterns.applied():
        second = patterns.all_fusable_graph_patterns()
    assert not any(one is other for one, other in zip(first, second))
