"""An exported program: its graph, what its inputs and outputs are, and how callers nest them."""

from __future__ import annotations

from collections.abc import Set

import torch

from pte_foundry.models.checkpoints.exported.fields import (
    Json,
    Misfit,
    each,
    field,
    identifier,
    inside,
    integer,
    is_whole,
    record,
    shown,
    table,
    text,
)
from pte_foundry.models.checkpoints.exported.graphs import read_graph
from pte_foundry.models.checkpoints.exported.signatures import read_signature, target_of
from pte_foundry.models.checkpoints.exported.sizes import size_with_range
from pte_foundry.models.checkpoints.exported.trees import Tree, parse_tree

_SCHEMA = 8
_DIALECTS = ("ATEN", "TRAINING")


def read_program(value: object, imported: Set[str] = frozenset()) -> Json:
    """What torch's loader reads of a program: without metadata, guards and names of submodules, which it runs or
    keeps.

    Args:
        imported: names of the operators that the target's `imports` registered.

    Raises:
        Misfit: if it is not a program of torch.export, naming the place.
    """
    needed = ("graph_module", "opset_version", "range_constraints", "schema_version")
    values = record(value, needed, ("verifiers", "torch_version", "guards_code"))
    field(values, "schema_version", _check_version)
    dialect = field(values, "verifiers", _dialect) if "verifiers" in values else _DIALECTS[0]
    module = field(values, "graph_module", lambda one: _graph_module(one, imported))
    ranges = field(values, "range_constraints", lambda one: table(one, size_with_range, _range))
    return {
        "graph_module": module,
        "opset_version": {"aten": torch._C._get_max_operator_version()},
        "range_constraints": ranges,
        "schema_version": {"major": _SCHEMA, "minor": 0},
        "verifiers": [dialect],
        "torch_version": torch.__version__,
        "guards_code": [],
    }


def _graph_module(value: object, imported: Set[str]) -> Json:
    needed = ("graph", "signature", "module_call_graph")
    module = record(value, needed, ("metadata", "treespec_namedtuple_fields"))
    graph = field(module, "graph", lambda one: read_graph(one, imported))
    signature = field(module, "signature", lambda one: read_signature(one, graph))
    in_tree, out_tree, names = field(module, "module_call_graph", _call)
    given = sum(not target_of(one) for one in signature["input_specs"])
    taken = sum(not target_of(one) for one in signature["output_specs"])
    if (in_tree.leaves, out_tree.leaves) != (given, taken):
        raise Misfit(
            f"{in_tree.leaves} inputs and {out_tree.leaves} outputs where the signature has {given} and {taken}"
        ).inside("module_call_graph")
    call = {
        "inputs": [],
        "outputs": [],
        "in_spec": in_tree.spec(),
        "out_spec": out_tree.spec(),
        "forward_arg_names": names,
    }
    return {
        "graph": graph,
        "signature": signature,
        "module_call_graph": [{"fqn": "", "signature": call}],
        "metadata": {},
        "treespec_namedtuple_fields": {},
    }


def _call(value: object) -> tuple[Tree, Tree, list[str] | None]:
    """How callers nest the whole model's inputs and outputs, and the parameters of `forward`.

    The parameters are None in files of old versions. What submodules take is not kept.
    """
    if not isinstance(value, list) or not value:
        raise Misfit(f"{shown(value)} where a list belongs")
    with inside("[0]"):
        entry = record(value[0], ("fqn", "signature"))
        if entry["fqn"] != "":
            raise Misfit(f"{shown(entry['fqn'])} where the whole model belongs").inside("fqn")
        return field(entry, "signature", _nesting)


def _nesting(value: object) -> tuple[Tree, Tree, list[str] | None]:
    values = record(value, ("inputs", "outputs", "in_spec", "out_spec"), ("forward_arg_names",))
    given = field(values, "in_spec", _in_tree)
    taken = field(values, "out_spec", parse_tree)
    names = None
    if values.get("forward_arg_names") is not None:
        names = field(values, "forward_arg_names", lambda found: each(found, identifier))
        if len(set(names)) != len(names):
            raise Misfit("a name twice").inside("forward_arg_names")
    return given, taken, names


def _in_tree(value: object) -> Tree:
    """A tuple of arguments and a dict of arguments by name, which become Python source."""
    tree = parse_tree(value)
    kinds = [child.kind for child in tree.children]
    if tree.kind != "builtins.tuple" or kinds != ["builtins.tuple", "builtins.dict"]:
        raise Misfit("inputs that are not a tuple and a dict of arguments")
    keys = tree.children[1].keys
    for key in keys if isinstance(keys, tuple) else ():
        identifier(key)
    return tree


def _check_version(value: object) -> None:
    values = record(value, ("major", "minor"))
    if values["major"] != _SCHEMA or not is_whole(values["minor"]):
        raise Misfit(
            f"version {shown(values['major'])} of the format, and this torch reads {_SCHEMA}. Save it with "
            f"torch {torch.__version__.split('+')[0]}"
        )


def _dialect(value: object) -> str:
    found = each(value, text)
    if len(found) != 1 or found[0] not in _DIALECTS:
        raise Misfit(f"{shown(found)} where one of {', '.join(_DIALECTS)} belongs")
    return found[0]


def _range(value: object) -> Json:
    keys = ("min_val", "max_val")
    values = record(value, keys)
    made = {key: None if values[key] is None else field(values, key, integer) for key in keys}
    least, greatest = made.values()
    if least is not None and greatest is not None and least > greatest:
        raise Misfit(f"a range from {least} to {greatest}")
    return made
