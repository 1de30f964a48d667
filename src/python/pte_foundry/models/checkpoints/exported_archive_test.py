from __future__ import annotations

import copy
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pte_foundry.models.checkpoints.exported_archive import load_exported_archive
from pte_foundry.testing.exported_samples import (
    SAMPLES,
    changed,
    files_of,
    packed,
    saved,
)
from pte_foundry.testing.refused_archive import error_of

_MODEL = "models/model.json"
_WEIGHTS = "data/weights/model_weights_config.json"
_CONSTANTS = "data/constants/model_constants_config.json"


@pytest.fixture(scope="module")
def archive() -> bytes:
    return saved(SAMPLES["dynamic"].program())


def _run(program: Any, name: str) -> tuple[dict[str, Tensor], list[object], object]:
    sample = SAMPLES[name]
    module = program.module(check_guards=False)
    with torch.no_grad():
        returned = module(*copy.deepcopy(sample.inputs), **sample.named)
    leaves, tree = pytree.tree_flatten(returned)
    return dict(module.state_dict()), leaves, tree


@pytest.mark.parametrize("name", SAMPLES)
def test_what_torch_saved_computes_the_same(name: str, tmp_path: Path) -> None:
    content = saved(SAMPLES[name].program())
    (tmp_path / "m.pt2").write_bytes(content)
    weights, outputs, tree = _run(load_exported_archive(tmp_path / "m.pt2"), name)
    expected = _run(torch.export.load(io.BytesIO(content)), name)
    assert list(weights) == list(expected[0]) and tree == expected[2]
    for one, other in zip([*weights.values(), *outputs], [*expected[0].values(), *expected[1]]):
        assert type(one) is type(other)
        if isinstance(one, Tensor) and isinstance(other, Tensor):
            assert one.dtype == other.dtype and torch.equal(one, other)
        else:
            assert one == other


def test_ties_and_ranges_are_kept(tmp_path: Path) -> None:
    (tmp_path / "m.pt2").write_bytes(saved(SAMPLES["shared"].program()))
    weights = load_exported_archive(tmp_path / "m.pt2").state_dict
    first, second = (weights[f"{name}.weight"] for name in ("first", "second"))
    assert first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr()
    assert weights["turned"].stride() == (1, 4) and weights["repeated"].stride() == (0, 0)
    (tmp_path / "m.pt2").write_bytes(saved(SAMPLES["derived"].program()))
    ranges = {str(key): str(one) for key, one in _ranges(tmp_path / "m.pt2").items()}
    assert sorted(ranges.values()) == ["VR[2, 9]", "VR[4, 18]"]


def _ranges(path: Path) -> dict[object, object]:
    return dict(load_exported_archive(path).range_constraints)


def _graph(edit: Callable[[Any], object]) -> Callable[[Any], object]:
    return lambda data: edit(data["graph_module"]["graph"])


def _target(name: str) -> Callable[[Any], object]:
    return _graph(lambda graph: graph["nodes"][0].update(target=name))


def _size(text: str) -> Callable[[Any], object]:
    size = {"as_expr": {"expr_str": text, "hint": {"as_int": 4}}}
    return _graph(lambda graph: graph["tensor_values"]["values"]["sizes"].__setitem__(0, size))


def _signature(edit: Callable[[Any], object]) -> Callable[[Any], object]:
    return lambda data: edit(data["graph_module"]["module_call_graph"][0]["signature"])


def _input(**values: object) -> Callable[[Any], object]:
    return _graph(lambda graph: graph["nodes"][-1]["inputs"][0].update(values))


def _argument(arg: object) -> Callable[[Any], object]:
    return _input(arg=arg)


def _entry(**values: object) -> Callable[[Any], object]:
    return lambda data: next(iter(data["config"].values())).update(values)


def _meta(**values: object) -> Callable[[Any], object]:
    return lambda data: next(iter(data["config"].values()))["tensor_meta"].update(values)


def _container(context: object, kind: str = "builtins.tuple") -> Callable[[Any], object]:
    leaf: dict[str, object] = {"type": None, "context": None, "children_spec": []}
    none = {"type": "builtins.dict", "context": "[]", "children_spec": []}
    inner = {"type": kind, "context": context, "children_spec": [leaf]}
    tree = {"type": "builtins.tuple", "context": "null", "children_spec": [inner, none]}
    return _signature(lambda signature: signature.update(in_spec=json.dumps([1, tree])))


_ENUM = json.dumps({"__enum__": True, "fqn": "ctypes:cdll", "name": "./weights/model.pt2"})


@pytest.mark.parametrize(
    ("file", "edit", "named"),
    [
        (_MODEL, _target("torch.os.system"), "nodes[0].target: it has a call of 'torch.os.system'"),
        (_MODEL, _target("torch.ops.load_library"), "torch.ops.load_library"),
        (_MODEL, _target("torch.ops._x.y.z"), "_x::y.z"),
        (_MODEL, _target("torch.ops.aten.from_file.default"), "aten::from_file"),
        (_MODEL, _target("torch.ops.image.write_file.default"), "image::write_file"),
        (_MODEL, _target("torch.ops.profiler._record_function_enter_new.default"), "profiler::"),
        (_MODEL, _target("_operator.methodcaller"), "methodcaller"),
        (_MODEL, _target("torch.ops.higher_order.call_torchbind"), "call_torchbind"),
        (_MODEL, _target("#anything:x"), "#anything"),
        (_MODEL, _argument({"as_operator": "torch.os.system"}), "inputs[0].arg.as_operator"),
        (_MODEL, _argument({"as_operator": "torch.ops.aten.relu.default"}), "aten.relu"),
        (_MODEL, _argument({"as_custom_obj": {"name": "x", "class_fqn": "y"}}), "as_custom_obj"),
        (_MODEL, _size("__import__('os').system('true')"), "['values'].sizes[0].as_expr.expr_str"),
        (_MODEL, _container(_ENUM), "module_call_graph[0].signature.in_spec.children_spec[0]"),
        (_MODEL, _container("null", "collections.defaultdict"), "defaultdict"),
        (_MODEL, _signature(lambda one: one.update(forward_arg_names=["x=1"])), "_names[0]"),
        (_WEIGHTS, _entry(use_pickle=True), "['head.weight']: it has a tensor that is pickled"),
        (_WEIGHTS, _entry(path_name="../../x"), "../../x"),
        (_CONSTANTS, _entry(path_name="opaque_obj_0"), "object"),
    ],
)
def test_what_could_run_code_is_refused(
    archive: bytes, tmp_path: Path, file: str, edit: Callable[[Any], object], named: str
) -> None:
    error = error_of(tmp_path / "m.pt2", changed(archive, file, edit))
    assert error.kind == "forbidden-pickle" and named in error.message and file in error.message


_CODE = "getattr(__import__('os'),'mkdir')('ran')"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("values", f"values={_CODE}"),
        ("linear", f"linear\n    {_CODE}\n    "),
        ("p_head_weight", f"p_head_weight=({_CODE})"),
        ("head.bias", f'bias" if {_CODE} else "bias'),
        ("head.bias", f'head"),{_CODE},("'),
        ("scale", f"scale;{_CODE}"),
        ("values", "import"),
        ("values", "torch"),
        ("head.bias", "head.__class__"),
        ("head.bias", "head..bias"),
    ],
)
def test_names_that_would_become_source_are_refused(
    archive: bytes, tmp_path: Path, old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = files_of(archive)
    for name in (_MODEL, _WEIGHTS, _CONSTANTS):
        files[name] = files[name].replace(json.dumps(old).encode(), json.dumps(new).encode())
    error = error_of(tmp_path / "m.pt2", packed(files))
    assert error.kind == "forbidden-pickle" and os.listdir(tmp_path) == ["m.pt2"]


def test_keyword_arguments_that_would_become_source_are_refused(tmp_path: Path) -> None:
    content = saved(SAMPLES["nested"].program())
    for spec in ("in_spec", "forward_arg_names"):

        def rename(signature: Any, spec: str = spec) -> None:
            text = json.dumps(signature[spec]).replace("scale", "scale'+x+'")
            signature[spec] = json.loads(text)

        error = error_of(tmp_path / "m.pt2", changed(content, _MODEL, _signature(rename)))
        assert error.kind == "forbidden-pickle" and spec in error.message


def test_guards_and_metadata_are_not_kept(archive: bytes, tmp_path: Path) -> None:
    def edit(data: Any) -> None:
        data["guards_code"] = [_CODE]
        for node in data["graph_module"]["graph"]["nodes"]:
            node["metadata"] = {"source_fn_stack": "x,torch.os.system", "custom": _CODE}

    (tmp_path / "m.pt2").write_bytes(changed(archive, _MODEL, edit))
    program = load_exported_archive(tmp_path / "m.pt2")
    assert program._guards_code == []
    assert all("source_fn_stack" not in node.meta for node in program.graph.nodes)


def _ints(*values: int) -> list[object]:
    return [{"as_int": value} for value in values]


@pytest.mark.parametrize(
    ("file", "edit", "named"),
    [
        (_MODEL, _size("9**9**9**9"), "immense"),
        (_MODEL, _graph(lambda graph: graph["nodes"].append({})), "nodes[10]: it has no 'target'"),
        (_MODEL, _graph(lambda graph: graph["nodes"].pop(3)), "which nothing before it defines"),
        (_MODEL, _graph(lambda graph: graph.update(new=1)), "graph: it has the key 'new'"),
        (_MODEL, _argument({"as_int": 10**30}), "as_int: it has 1000"),
        (_MODEL, _argument({"as_int": 10**4000}), "many digits"),
        (_MODEL, _argument({"as_string": "\ud800"}), "half a character"),
        (_MODEL, _argument({"as_device": {"type": "meta", "index": None}}), "on the CPU"),
        (_MODEL, _target("torch.ops.aten.no_such.default"), "aten::no_such"),
        (_MODEL, _input(name="x"), "argument 'x'"),
        (_MODEL, _graph(lambda graph: graph["tensor_values"].pop("values")), "whose type"),
        (_MODEL, _graph(lambda graph: graph["inputs"].reverse()), "input_specs[0]"),
        (_MODEL, _container("null", "builtins.list"), "a tuple and a dict"),
        (_MODEL, lambda data: data["schema_version"].update(major=5), "schema_version"),
        (_MODEL, lambda data: data.pop("graph_module"), "no 'graph_module'"),
        (_MODEL, lambda data: data["graph_module"]["module_call_graph"].clear(), "call_graph"),
        (_WEIGHTS, lambda data: data.update(config=[]), "config"),
        (_WEIGHTS, lambda data: data["config"].pop("head.weight"), "no tensor for head.weight"),
        (_WEIGHTS, _entry(path_name="weight_77"), "no file data/weights/weight_77"),
        (_WEIGHTS, _entry(is_param=False), "head.weight"),
        (_WEIGHTS, _entry(tensor_meta=None), "tensor_meta"),
        (_WEIGHTS, _meta(dtype=8), "of another element type"),
        (_WEIGHTS, _meta(dtype=99), "99"),
        (_WEIGHTS, _meta(layout=1), "layout"),
        (_WEIGHTS, _meta(sizes=_ints(4, 2)), "other sizes"),
        (_WEIGHTS, _meta(sizes=_ints(-1, 4)), "sizes[0].as_int"),
        (_WEIGHTS, _meta(sizes=_ints(200_000, 200_000), strides=_ints(0, 0)), "head.weight"),
        (_WEIGHTS, _meta(strides=_ints(0, 1)), "head.weight"),
        (_WEIGHTS, _meta(strides=_ints(-4, 1)), "strides[0]"),
        (_WEIGHTS, _meta(storage_offset={"as_int": 10**9}), "head.weight"),
    ],
)
def test_what_torch_does_not_write_is_refused(
    archive: bytes, tmp_path: Path, file: str, edit: Callable[[Any], object], named: str
) -> None:
    error = error_of(tmp_path / "m.pt2", changed(archive, file, edit))
    assert error.kind == "bad-checkpoint" and named in error.message and file in error.message


def test_a_program_of_a_gpu_is_read_on_the_cpu(archive: bytes, tmp_path: Path) -> None:
    def edit(graph: Any) -> None:
        for one in graph["tensor_values"].values():
            one["device"] = {"type": "cuda", "index": 1}

    (tmp_path / "m.pt2").write_bytes(changed(archive, _MODEL, _graph(edit)))
    program = load_exported_archive(tmp_path / "m.pt2")
    values = [node.meta["val"] for node in program.graph.nodes if node.op != "output"]
    assert {one.device.type for one in values if isinstance(one, torch.Tensor)} == {"cpu"}


def test_higher_order_operators_take_their_arguments(tmp_path: Path) -> None:
    content = saved(SAMPLES["branches"].program())

    def edit(graph: Any) -> None:
        next(one for one in graph["nodes"] if "higher_order" in one["target"])["inputs"].pop(0)

    error = error_of(tmp_path / "m.pt2", changed(content, _MODEL, _graph(edit)))
    assert "arguments that torch.ops.higher_order.cond does not take" in error.message


def _typed(name: str, values: dict[str, Any]) -> Callable[[Any], object]:
    return _graph(lambda graph: graph["tensor_values"][name].update(values))


def test_sizes_that_program_and_weights_agree_on_need_their_bytes(
    archive: bytes, tmp_path: Path
) -> None:
    """A tensor of 200000 x 200000 that is made of one value is refused before it takes memory."""
    for sizes, strides, named in (
        (_ints(200_000, 200_000), _ints(0, 0), "that is made of 8 values"),
        (_ints(2**40), _ints(1), "needs 1099511627776 values, and its file has 8"),
        (_ints(2**62, 2**62), _ints(2**62, 1), "and its file has 8"),
    ):
        values = {"sizes": sizes, "strides": strides}
        content = changed(archive, _WEIGHTS, _meta(**values))
        error = error_of(
            tmp_path / "m.pt2", changed(content, _MODEL, _typed("p_head_weight", values))
        )
        assert error.kind == "bad-checkpoint" and named in error.message


@pytest.mark.parametrize("kept", [0, 1, 16, 31])
def test_weights_without_their_bytes_are_refused(archive: bytes, tmp_path: Path, kept: int) -> None:
    files = files_of(archive)
    name = "data/weights/weight_0"
    error = error_of(tmp_path / "m.pt2", packed({**files, name: files[name][:kept]}))
    assert error.kind == "bad-checkpoint" and "head.weight" in error.message
