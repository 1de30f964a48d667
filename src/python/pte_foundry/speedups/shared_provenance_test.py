from __future__ import annotations

from torch.fx import Graph, Node
from torch.fx.traceback import NodeSource

from pte_foundry.speedups import shared_provenance


def _retraced(times: int) -> Node:
    node = Graph().placeholder("x")
    for number in range(times):
        node.meta["from_node"] = [NodeSource(node, f"pass {number}")]
    return node


def test_it_says_where_a_node_came_from_as_a_copy_does() -> None:
    copied = _retraced(5).meta["from_node"]
    with shared_provenance.applied():
        shared = _retraced(5).meta["from_node"]
    for one, other in zip(copied, shared):
        assert one.print_readable().count("pass_name=pass") == 5
        different = [str(source.graph_id) for source in (one, other)]
        assert one.print_readable().replace(*different) == other.print_readable()


def test_the_chain_is_shared_and_the_list_is_not() -> None:
    node = _retraced(3)
    with shared_provenance.applied():
        source = NodeSource(node)
    node.meta["from_node"].append(NodeSource(node, "later"))
    assert len(source.from_node) == 1
    assert source.from_node[0] is node.meta["from_node"][0]
    assert NodeSource(node).from_node[0] is not node.meta["from_node"][0], "it is not undone"
