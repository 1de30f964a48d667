"""An exported program in the one form that every backend takes. What it computes stays the same.

torch exports more than ExecuTorch's backends expect: names that begin with a digit, as layers of an
`nn.Sequential` have, inputs that are written to, weights in another memory order. A program that has none of
it is returned as it is, so that its bytes do not change.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch._prims_common import make_contiguous_strides_for
from torch.export import ExportedProgram
from torch.export.graph_signature import (
    ExportGraphSignature,
    InputKind,
    OutputKind,
)
from torch.fx import GraphModule, Node
from torch.utils import _pytree as pytree

from pte_foundry.aliasing import may_alias, written_by
from pte_foundry.causes import Cause, draws_random_numbers, random_numbers
from pte_foundry.errors import PteError
from pte_foundry.exporting.embedding_bags import spell_out_embedding_bags
from pte_foundry.records.tensor_spec import DTYPES

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*", re.ASCII)
_ORDERED = (torch.channels_last, torch.channels_last_3d)
_WRITTEN_BACK = (OutputKind.BUFFER_MUTATION, OutputKind.PARAMETER_MUTATION)


def normalised(program: ExportedProgram) -> ExportedProgram:
    """The same program, with

    - names of parameters and buffers that are identifiers,
    - a copy of each input that it writes to, so that it leaves its caller's tensors alone,
    - the stride of each max pooling, which is that of its window if it has none,
    - the epsilon of each RMS norm, which is that of its element type if it has none,
    - embedding bags as embeddings and their sum, mean or maximum,
    - plain tuples for what operators such as `torch.topk` return,
    - all tensors in the order of their dimensions (NCHW), whatever order the model asks for.

    Raises:
        PteError: `lowering-failed` for a program that draws random numbers, and for inputs or outputs of an
            element type that a `.pte` of ours cannot have.
    """
    _refuse_random_numbers(program)
    _refuse_types(program)
    _copy_written_inputs(program)
    _write_out_strides(program)
    _write_out_epsilons(program)
    spell_out_embedding_bags(program)
    _return_plain_tuples(program)
    return _in_order(_with_plain_names(program))


def _refuse_random_numbers(program: ExportedProgram) -> None:
    for node in _calls(program):
        if draws_random_numbers(node):
            raise PteError("lowering-failed", random_numbers(node))


def _refuse_types(program: ExportedProgram) -> None:
    signature = program.graph_signature
    names = {*signature.user_inputs, *signature.user_outputs}
    for node in program.graph.nodes:
        value = node.meta.get("val")
        if node.name in names and isinstance(value, Tensor):
            dtype = str(value.dtype).removeprefix("torch.")
            if dtype not in (*DTYPES, "bfloat16"):
                raise PteError(
                    "lowering-failed",
                    f"the model takes or returns {node.name}, whose element type is {dtype}. {Cause.DTYPE.advice}",
                )


def _copy_written_inputs(program: ExportedProgram) -> None:
    """Changes the graph; there is nothing to change in the signature."""
    graph = program.graph
    placeholders = [node for node in graph.nodes if node.op == "placeholder"]
    inputs = set(program.graph_signature.user_inputs)
    for node in placeholders:
        if node.name not in inputs or not any(_writes(user, node) for user in graph.nodes):
            continue
        with graph.inserting_after(placeholders[-1]):
            copy = graph.call_function(torch.ops.aten.clone.default, (node,))
        copy.meta = {key: value for key, value in node.meta.items() if key != "from_node"}
        node.replace_all_uses_with(copy, delete_user_cb=lambda user, copy=copy: user is not copy)
    program.graph_module.recompile()


def _write_out_strides(program: ExportedProgram) -> None:
    """XNNPACK's partitioner reads the stride of `functional.max_pool2d(x, 2)`, which has none."""
    for node in _calls(program):
        if node.target is torch.ops.aten.max_pool2d.default and len(node.args) == 2:
            node.args = (*node.args, node.args[1])


def _write_out_epsilons(program: ExportedProgram) -> None:
    """CoreML's converter asks for all four arguments of `nn.RMSNorm(8)`, which has none by itself."""
    for node in _calls(program):
        if node.target is not torch.ops.aten.rms_norm.default:
            continue
        given: list[Any] = [*node.args, None, None][:4]
        if given[3] is None and "eps" not in node.kwargs:
            given[3] = torch.finfo(given[0].meta["val"].dtype).eps
            node.args = tuple(given)


def _return_plain_tuples(program: ExportedProgram) -> None:
    """Outputs are flat in a `.pte`, which has no name for types of `torch.return_types`."""
    signature = program.module_call_graph[0].signature
    assert signature is not None
    if any(one.type.__module__ == "torch.return_types" for one in _structures(signature.out_spec)):
        places = tuple(range(signature.out_spec.num_leaves))
        signature.out_spec = pytree.tree_structure(places)


def _structures(spec: Any) -> Iterator[Any]:
    if not spec.is_leaf():
        yield spec
        for child in spec.children():
            yield from _structures(child)


def _writes(call: Node, origin: Node) -> bool:
    """Whether a call may write to the memory of `origin`."""
    return any(written in _aliases(origin) for written in written_by(call))


def _aliases(origin: Node) -> set[Node]:
    """The node and all that may share its memory: views of it, and views of these."""
    found, waiting = {origin}, [origin]
    while waiting:
        node = waiting.pop()
        for user in node.users:
            if user not in found and may_alias(user, node):
                found.add(user)
                waiting.append(user)
    return found


def _with_plain_names(program: ExportedProgram) -> ExportedProgram:
    """Lowerings make names of new tensors from those of old ones, and then look them up in a graph, which
    replaces what no identifier has."""
    taken = {*program.state_dict, *program.constants}
    names: dict[str, str] = {}
    for name in sorted(taken):
        if _PLAIN_NAME.fullmatch(name) and not keyword.iskeyword(name):
            continue
        plain = new = "model." + re.sub(r"[^A-Za-z0-9_.]", "_", name)
        number = 0
        while new in taken:
            number += 1
            new = f"{plain}_{number}"
        names[name] = new
        taken.add(new)
    if not names:
        return program

    def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
        return {names.get(name, name): value for name, value in values.items()}

    signature = program.graph_signature
    inputs = [
        one if one.kind == InputKind.USER_INPUT else _retargeted(one, names)
        for one in signature.input_specs
    ]
    outputs = [
        _retargeted(one, names) if one.kind in _WRITTEN_BACK else one
        for one in signature.output_specs
    ]
    return program._update(
        program.graph_module,
        ExportGraphSignature(inputs, outputs),
        state_dict=renamed(program.state_dict),
        constants=renamed(program.constants),
    )


def _retargeted(spec: Any, names: Mapping[str, str]) -> Any:
    return replace(spec, target=names.get(spec.target, spec.target))


def _in_order(program: ExportedProgram) -> ExportedProgram:
    tensors = {**program.state_dict, **program.constants}
    other = {
        name for name, one in tensors.items() if isinstance(one, Tensor) and not _is_in_order(one)
    }
    asked = [node for node in _calls(program) if node.kwargs.get("memory_format") in _ORDERED]
    if not other and not asked:
        return program
    for node in asked:
        node.kwargs = {**node.kwargs, "memory_format": torch.contiguous_format}
    for node in _calls(program):
        if node.target is torch.ops.aten.view.default:
            # A view of one order may not be one of another.
            node.target = torch.ops.aten.reshape.default
    signature = program.graph_signature
    for node, spec in zip(program.graph.nodes, signature.input_specs):
        if spec.target in other and spec.kind != InputKind.USER_INPUT:
            node.meta["val"] = _ordered(node.meta["val"])
    program.graph_module.recompile()

    def ordered(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: _ordered(value) if name in other else value for name, value in values.items()}

    return program._update(
        program.graph_module,
        signature,
        state_dict=ordered(program.state_dict),
        constants=ordered(program.constants),
    )


def _is_in_order(tensor: Tensor) -> bool:
    # `is_contiguous` ignores the strides of dimensions of size 1, and convolutions do not.
    return tensor.layout is not torch.strided or tensor.stride() == make_contiguous_strides_for(
        tensor.shape
    )


def _ordered(tensor: Tensor) -> Tensor:
    made = tensor.detach().clone(memory_format=torch.contiguous_format)
    if isinstance(tensor, torch.nn.Parameter):
        return torch.nn.Parameter(made, requires_grad=tensor.requires_grad)
    return made


def _calls(program: ExportedProgram) -> Iterator[Node]:
    """Also of the graphs of branches."""
    for module in program.graph_module.modules():
        if isinstance(module, GraphModule):
            yield from (node for node in module.graph.nodes if node.op == "call_function")
