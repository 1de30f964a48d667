"""Changes of a `.pt2` file, at four levels: its JSON, what torch is known to run of it, its archive, its bytes."""

from __future__ import annotations

import copy
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from pte_foundry.testing.exported_samples import packed

_MODEL = "models/model.json"
_WEIGHTS = "data/weights/model_weights_config.json"
_CONSTANTS = "data/constants/model_constants_config.json"
_VALUES: tuple[object, ...] = (
    *(None, True, False, 0, -1, 3, 2**62, -(2**63), 10**30, 1e308, float("nan"), "", "x", [], {}),
    *([[]], [None], {"a": 1}, "\ud800", "\x1b[31m", "a.b", "lambda", "x" * 30_000, 10**4000),
    *("torch.ops.aten.add.Tensor", "9**9**9**9", "torch.ops.aten.from_file.default"),
    "_operator.pow",
)
SPY = "spy_of_pt2"
_CODE = f"__import__({SPY!r})"
_ENUM = {"__enum__": True, "fqn": f"{SPY}:x", "name": "y"}
_FACTORY = {"default_factory_module": SPY, "default_factory_name": "x", "dict_context": []}
# What leaves a mark if torch evaluates it, imports it, or writes it into Python source.
_HOSTILE: tuple[object, ...] = (
    *(_CODE, f"x={_CODE}", f'x"),{_CODE},("', f"x']),{_CODE},(['", f"x\n    {_CODE}\n    ", _ENUM),
    *(json.dumps(_ENUM), json.dumps([_ENUM]), {"as_operator": "torch.os.mkdir"}, "torch.os.mkdir"),
    *({"as_string": _CODE}, {"expr_str": _CODE, "hint": None}),
    {"as_expr": {"expr_str": f"Symbol('s0', {_CODE})", "hint": None}},
    {"type": "collections.defaultdict", "context": _FACTORY, "children_spec": []},
)

Change = Callable[[random.Random, bytes, dict[str, bytes]], tuple[bytes, str]]


def _json(draw: random.Random, valid: bytes, files: dict[str, bytes]) -> tuple[bytes, str]:
    """One or two values removed or replaced; of texts that hold JSON, values inside of them."""
    name = draw.choice((_MODEL, _MODEL, _MODEL, _WEIGHTS, _CONSTANTS))
    content = json.loads(files[name])
    done = []
    for _ in range(draw.choice((1, 1, 2))):
        done.append(_edit(draw, content))
    text = json.dumps(content)
    if draw.random() < 0.03:  # A key twice, of which parsers take the last one.
        text = text.replace("{", '{"target": 1, "target": 2, ', 1)
    if draw.random() < 0.02:
        text = "[" * draw.choice((10, 5000, 100_000)) + text
    return (
        packed({**files, name: text.encode("utf-8", "surrogatepass")}),
        f"{name} {', '.join(done)}",
    )


def _edit(draw: random.Random, content: Any) -> str:
    places = [place for place in _places(content) if place and "metadata" not in place]
    if not places:
        return "nothing"
    place = draw.choice(places)
    owner = content
    for key in place[:-1]:
        owner = owner[key]
    shown = ".".join(map(str, place))
    if place[-1] in ("in_spec", "out_spec") and draw.random() < 0.9:
        inner = json.loads(owner[place[-1]])
        done = _edit(draw, inner)
        owner[place[-1]] = json.dumps(inner)
        return f"{shown} > {done}"
    if draw.random() < 0.2:
        del owner[place[-1]]
        return f"without {shown}"
    value = copy.deepcopy(draw.choice((*_VALUES, *_HOSTILE)))
    if isinstance(owner, dict) and draw.random() < 0.15:  # The key is hostile, not the value.
        owner[value if isinstance(value, str) else json.dumps(value)] = owner.pop(place[-1])
        return f"{shown} called {str(value)[:60]}"
    owner[place[-1]] = value
    return f"{shown} = {str(value)[:60] if not isinstance(value, int) else value.bit_length()}"


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _places(one, (*place, key))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _places(one, (*place, index))


def _known(draw: random.Random, valid: bytes, files: dict[str, bytes]) -> tuple[bytes, str]:
    """What torch evaluates, imports or writes into Python source, with code in its place everywhere."""
    texts = {name: files[name].decode() for name in (_MODEL, _WEIGHTS, _CONSTANTS)}
    model = json.loads(texts[_MODEL])
    kind = draw.choice(("name", "name", "container", "argument", "guard", "size", "call"))
    signature = model["graph_module"]["module_call_graph"][0]["signature"]
    if kind == "name":
        known = [
            place[-1]
            for place in _places(model["graph_module"]["graph"]["tensor_values"])
            if len(place) == 1
        ]
        known += list(json.loads(texts[_WEIGHTS])["config"])
        old = draw.choice(known)
        new = draw.choice(
            (f"{old}={_CODE}", f'{old}" if {_CODE} else "x', f"{old}\n    {_CODE}\n    ")
        )
        texts = {
            name: text.replace(json.dumps(old), json.dumps(new)) for name, text in texts.items()
        }
        return (
            packed({**files, **{name: text.encode() for name, text in texts.items()}}),
            f"{old} called {new}",
        )
    if kind == "container":
        which = draw.choice(("in_spec", "out_spec"))
        tree = json.loads(signature[which])
        waiting = [tree[1]]
        for node in waiting:
            waiting += node["children_spec"]
        draw.choice([node for node in waiting if node["type"]] or waiting)["context"] = json.dumps(
            _ENUM
        )
        signature[which] = json.dumps(tree)
    elif kind == "argument":
        signature["forward_arg_names"] = [f"x={_CODE}"]
    elif kind == "guard":
        model["guards_code"] = [_CODE]
    elif kind == "size":
        tensors = list(model["graph_module"]["graph"]["tensor_values"].values())
        size = {"as_expr": {"expr_str": _CODE, "hint": {"as_int": 4}}}
        draw.choice([one for one in tensors if one["sizes"]])["sizes"][0] = size
    else:
        call = draw.choice(model["graph_module"]["graph"]["nodes"])
        call["target"] = "torch.ops.higher_order.wrap_with_set_grad_enabled"
        call["inputs"] = [
            {"name": "", "arg": {"as_bool": False}, "kind": 1},
            {"name": "", "arg": {"as_operator": "torch.os.mkdir"}, "kind": 1},
            {"name": "", "arg": {"as_string": SPY}, "kind": 1},
        ]
    return packed({**files, _MODEL: json.dumps(model).encode()}), kind


def _zip(draw: random.Random, valid: bytes, files: dict[str, bytes]) -> tuple[bytes, str]:
    """An entry removed, renamed, added, cut, lengthened or compressed, or something before the archive."""
    name = draw.choice([one for one in files if one != "data/sample_inputs/model.pt"])
    kind = draw.choice(
        ("without", "renamed", "added", "cut", "empty", "longer", "deflated", "prefixed", "flags")
    )
    made = dict(files)
    data = made[name]
    if kind == "without":
        del made[name]
    elif kind == "renamed":
        made[draw.choice((name + "x", "../" + name, "data/weights/model.pt", ""))] = made.pop(name)
    elif kind == "added":
        made[draw.choice(("data/aotinductor/model/x.so", "data/constants/custom_obj_0", "x"))] = (
            b"x"
        )
    elif kind == "cut":
        made[name] = data[: draw.randrange(len(data))] if data else b"x"
    elif kind == "empty":
        made[name] = b"" if data else b"x"
    elif kind == "longer" and not name.startswith("data/"):
        made[name] = data + data
    elif kind == "prefixed":
        return draw.choice((b"\x7fELF", b"PK\x03\x04", b"#!/bin/sh\n")) + packed(made), kind
    content = packed(made, zipfile.ZIP_DEFLATED if kind == "deflated" else zipfile.ZIP_STORED)
    if kind == "flags":
        place = content.rfind(b"PK\x01\x02", 0, draw.randrange(len(content) // 2, len(content)))
        changed = bytearray(content)
        changed[place + draw.choice((8, 10, 20, 24, 28, 42))] ^= draw.choice((1, 8, 64, 255))
        content = bytes(changed)
    return content, f"{kind} {name}"


def _bytes(draw: random.Random, valid: bytes, files: dict[str, bytes]) -> tuple[bytes, str]:
    """A few bytes changed, or the end cut off."""
    content = bytearray(valid)
    places = [draw.randrange(len(content)) for _ in range(draw.choice((1, 1, 3, 8)))]
    for place in places:
        content[place] = draw.randrange(256)
    if draw.random() < 0.2:
        del content[draw.randrange(len(content)) :]
    return bytes(content), f"at {places}"


LEVELS: tuple[tuple[str, Change], ...] = (
    ("json", _json),
    ("json", _json),
    ("known", _known),
    ("zip", _zip),
    ("bytes", _bytes),
)
