"""How an exported program is called, turned into how ours are: with tensors, one after the other.

A program remembers whether its inputs came by place or by keyword, in a dict or a tuple, and which of them
were None or a number. It is called with such trees, an app passes tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor
from torch.export import ExportedProgram
from torch.export.graph_signature import ConstantArgument
from torch.fx import GraphModule, Node
from torch.fx.graph import _PyTreeCodeGen, _PyTreeInfo
from torch.utils import _pytree as pytree

from pte_foundry.errors import PteError
from pte_foundry.models.definition import SavedModel
from pte_foundry.models.own.outputs import key_text

_KEY = "pte_foundry_input_key"


def plain_module(program: ExportedProgram) -> GraphModule:
    """The program's graph with its weights, as a module like any other, which takes its tensors by place.

    Inputs that were no tensors when the model was exported are what they were then. What
    `ExportedProgram.module` returns refuses `eval`, and checks inputs against the sizes that it was
    exported with; this library checks them against what the BUILD file declares.
    """
    module = program.module(check_guards=False)
    fixed = {
        spec.arg.name: spec.arg.value
        for spec in program.graph_signature.input_specs
        if isinstance(spec.arg, ConstantArgument)
    }
    made = GraphModule(module, module.graph)
    for node, key in zip(_placeholders(made), _keys(program)):
        node.meta[_KEY] = key
    _take_tensors(made, fixed)
    return made


def in_declared_order(saved: SavedModel, module: GraphModule) -> None:
    """Let a module that `plain_module` made take its inputs in the order in which they are declared.

    Where the declared names are those of the module, they decide; else the places do.

    Raises:
        PteError: `bad-input-shape` if it takes another number of tensors; names what it takes.
    """
    placeholders = _placeholders(module)
    declared = [name for name, _ in saved.inputs]
    if len(placeholders) != len(declared):
        options = " ".join(f"--inputs {one.name}={_described(one)}" for one in placeholders)
        raise PteError(
            "bad-input-shape",
            f"model {saved.name!r} ({saved.path.name}) takes {len(placeholders)} tensors, and {len(declared)} "
            f"are declared ({', '.join(declared)}). Declare each that it takes: {options}",
        )
    for key in ("name", "key"):
        by_name = {_called(one, key): one for one in placeholders}
        if by_name.keys() == set(declared) and list(by_name) != declared:
            _reorder(module, [by_name[name] for name in declared])
            return


def _keys(program: ExportedProgram) -> list[str]:
    """The last key of each input in the trees that the program is called with."""
    spec = program.call_spec.in_spec
    assert spec is not None
    paths, _ = pytree.tree_flatten_with_path(
        pytree.tree_unflatten(range(spec.num_leaves), spec),
    )
    return [key_text(path[-1]) for path, _ in paths]


def _called(node: Node, how: str) -> str:
    """The name of an input, or the last key under which its tree had it: of `batch["ids"]` `batch_ids`, or `ids`."""
    return node.name if how == "name" else str(node.meta[_KEY])


def _reorder(module: GraphModule, placeholders: Sequence[Node]) -> None:
    anchor = module.graph._root
    for node in placeholders:
        anchor.append(node)
        anchor = node
    _take_tensors(module, {})


def _take_tensors(module: GraphModule, fixed: Mapping[str, object]) -> None:
    graph = module.graph
    for node in _placeholders(module):
        if node.name in fixed or not isinstance(node.meta.get("val"), Tensor):
            if node.users:
                raise ValueError(f"the input {node.name}, which is no tensor, is used in the graph")
            graph.erase_node(node)
    names = [node.name for node in _placeholders(module)]
    codegen = graph._codegen
    assert isinstance(codegen, _PyTreeCodeGen)
    spec = pytree.tree_structure((tuple(names), {}))
    graph.set_codegen(_PyTreeCodeGen(_PyTreeInfo(names, spec, codegen.pytree_info.out_spec)))
    module.recompile()


def _placeholders(module: GraphModule) -> list[Node]:
    return [node for node in module.graph.nodes if node.op == "placeholder"]


def _described(node: Node) -> str:
    value = node.meta["val"]
    dtype = str(value.dtype).removeprefix("torch.")
    return f"{dtype}[{','.join(str(size) if isinstance(size, int) else 'n=1..8' for size in value.shape)}]"
