"""Odd, damaged and hostile TorchScript files, as a table; for tests and for the attack suite."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pte_foundry.models.own import torchscript
from pte_foundry.testing.exported_samples import files_of, packed
from pte_foundry.testing.hostile.endings import Tried, attempt, damaged
from pte_foundry.testing.own_samples import saved_model

_X = torch.tensor([[1.0, -2.0, 3.0, 0.5]])
_CODE = "code/__torch__/script.py"
_HEAD = """class Model(Module):
  __parameters__ = ["weight", ]
  __buffers__ = []
  weight : Tensor
  training : bool
  _is_full_backward_hook : Optional[bool]
"""
_FORWARD = """  def forward(self: __torch__.script.Model,
    x: Tensor) -> Tensor:
"""
_END = """    weight = self.weight
    return torch.linear(x, weight, None)
"""
_CALLS = """
torch.save(x, FILE)
x.save(FILE)
(x).save(FILE)
ops.aten.save(x, FILE)
torch.add(x, 1).save(FILE)
[x].save(FILE)
(x if True else x).save(FILE)
torch.from_file(FILE)
ops.aten.from_file(FILE, False, 8)
torch.from_file
getattr(x, "save")(FILE)
getattr(x, FILE)
getattr(x, "sa" "ve")(FILE)
hasattr(x, "save")
torch.ops.aten.save(x, FILE)
torch.aten.save(x, FILE)
ops.aten.save.default(x, FILE)
ops.aten
ops
torch
__torch__
print(x)
print
fork(x)
awaitable(x)
open(FILE)
exec(FILE)
eval(FILE)
__import__(FILE)
torch.manual_seed(3)
torch.seed()
torch.set_grad_enabled(True)
torch.load(FILE)
torch.jit.load(FILE)
torch.hub.load(FILE)
torch._print(FILE)
torch.set_(x, x)
torch._sparse_coo_tensor_unsafe(x, x, [1])
torch.record_stream(x)
torch._foobar(x)
torch.backward(x)
x.backward()
torch.wait(x)
torch.to_here(x)
ops.profiler._record_function_enter(FILE, None)
ops.prim.Print(x)
ops.prim.PythonOp(x)
ops.prim.rpc_sync(FILE)
ops.prim.TimePoint()
ops.prim.awaitable_wait(x)
ops.c10d.barrier(x)
ops.quantized.linear_prepack(x, None)
ops.static_runtime.reshape_copy(x, [1])
ops.mkldnn.data(x)
ops.inductor._reinterpret_tensor(x, [1], [1])
ops.no_such.operator(x)
ops.onnx.Reshape(x)
ops.symm_mem.one_shot_all_reduce(x, FILE, FILE)
torch.no_such_operator(x)
__torch__.torch.classes.quantized.Conv2dPackedParamsBase(x)
__torch__.torch.classes.c10d.Store()
(lambda y: y)(x)
[y for y in [x]]
(f"{x}")
b'x'
...
{x}
(y := x)
[*[x]]
^Hidden(1)(x)
Model(x)
unknown
unknown(x)
self.unknown.save(x, FILE)
"""


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.arange(8.0).reshape(2, 4))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight)


def attack(folder: Path, damaged_scripts: int) -> list[Tried]:
    """Load every odd script, and so many damaged ones, from an empty folder."""
    canary = folder / "code-ran"
    files = odd_scripts(canary)
    whole = files["good"]
    files.update({f"damaged {seed}": damaged(whole, seed) for seed in range(damaged_scripts)})
    tried = []
    for name, content in files.items():
        path = folder / "odd.pt"
        path.write_bytes(content)
        tried.append(attempt(name, partial(_load, path), canary))
    return tried


def _load(path: Path) -> bool:
    definition = torchscript.load(saved_model(path, {"x": "float32[1,4]"}))
    with torch.no_grad():
        return torch.equal(definition.module(_X), Model()(_X))


def odd_scripts(canary: Path) -> dict[str, bytes]:
    """Content by name; a file that loads computes what `Model` does. The scripts would write `canary`."""
    return {
        "good": script(""),
        **{name: script(body) for name, body in harmless_bodies().items()},
        **{name: script(body) for name, body in hostile_bodies(str(canary)).items()},
        **dict(_hostile_files(str(canary))),
        **dict(_odd_archives(str(canary))),
    }


def script(body: str, before: str = "", methods: str = "", more: Mapping[str, bytes] = {}) -> bytes:
    """A script of `Model`.

    Args:
        body: lines that `forward` runs first, indented by four blanks or not.
        before: what stands before the class.
        methods: methods of the class, indented by two blanks.
    """
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    code = f"{before}{_HEAD}{methods}{_FORWARD}{lines}{_END}"
    return packed({**_good(), _CODE: code.encode("utf-8", "surrogatepass"), **more})


def harmless_bodies() -> dict[str, str]:
    """Lines that a script may have."""
    return {
        "arithmetic": "y = torch.add(x, x, alpha=2)\nz = torch.mul(y, -1.5e-07)",
        "text": 'm = torch.format("{}\\t\\002\\"\'\\\\", torch.size(x))',
        "lists": "w = annotate(List[Tensor], [])\n_0 = torch.append(w, x)\n_1 = torch.len(w)",
        "a tuple": "a, b = (x, 3)\nc : Tuple[int, float] = (b, 0.5)",
        "a condition": 'if torch.eq(torch.dim(x), 7):\n  ops.prim.RaiseException("no")\nelse:\n  pass',
        "attributes": "d = ops.prim.device(x)\nt = ops.prim.dtype(x)",
        "private operators": "y = torch._softmax(x, -1, False)\nz = torch.__and__(True, False)",
        "infinity": "y = torch.masked_fill(x, torch.gt(x, inf), -inf)",
        "names of files": 'save = 1\nfrom_file = "/etc/passwd"',
    }


def hostile_bodies(file: str) -> dict[str, str]:
    """Lines that a script may not have; some write `file`, others are merely not computing."""
    path = f'"{file}"'
    return {
        **{
            f"call {number}: {call}": f"_0 = {call}".replace("FILE", path)
            for number, call in enumerate(_CALLS.strip().splitlines())
        },
        "an alias": f"f = torch.save\n_0 = f(x, {path})",
        "an alias of a method": f"f = x.save\n_0 = f({path})",
        "an alias of the module": f"t = torch\n_0 = t.save(x, {path})",
        "an alias of the namespace": f"t = ops.aten\n_0 = t.save(x, {path})",
        "torch by another name": "torch = x",
        "print by another name": "print = x",
        "in a branch": f"if False:\n  _0 = torch.save(x, {path})\nelse:\n  pass",
        "in a loop": f"for i in range(1):\n  _0 = torch.save(x, {path})",
        "in an assertion": f"assert torch.save(x, {path})",
        "after another statement": f"y = 1; _0 = torch.save(x, {path})",
        "a line that goes on": f"_0 = torch.\\\nsave(x, {path})",
        "a comment that ends": f"# type: ignore\r_0 = torch.save(x, {path})",
        "a form feed": f"y = 1 #\f\n_0 = torch.save(x, {path})",
        "an import": "import os",
        "an import of a name": "from os import system",
        "a function": "def f(y):\n  return y",
        "a class": "class C:\n  pass",
        "with": "with x:\n  pass",
        "try": "try:\n  pass\nexcept:\n  pass",
        "raise": "raise x",
        "global": "global x",
        "yield": "yield x",
        "await": "await x",
        "text over lines": '_0 = """x\n"""',
        "letters of another alphabet": "_0 = torch.ſave(x)",
        "text of another alphabet": '_0 = "\u00e9"',
        "a surrogate": '_0 = "\udc80"',
        "a zero byte": "_0 = 1\x00",
        "no code": "%%%",
        "nested": "_0 = " + "(" * 500 + "x" + ")" * 500,
        "a chain": "_0 = x" + ".data" * 20_000,
        "a sum": "_0 = 1" + " + 1" * 100_000,
    }


def _hostile_files(file: str) -> Iterator[tuple[str, bytes]]:
    write = f'    _0 = torch.save(x, "{file}")\n'
    method = (
        "  def {}(self: __torch__.script.Model,\n    x: Tensor) -> NoneType:\n{}    return None\n"
    )
    for name in ("__setstate__", "__getstate__"):
        yield f"{name} that writes", script("", methods=method.format(name, write))
        yield f"{name} that does not", script("", methods=method.format(name, ""))
    yield "a method that nothing calls", script("", methods=method.format("hidden", write))
    yield "another method", script(
        "_1 = (self).hidden(x, )", methods=method.format("hidden", write)
    )
    yield "a function", script(
        "", before=f"def f(x: Tensor) -> Tensor:\n{write}  return x\n".replace("    ", "  ")
    )
    yield "a default", script(
        "", before='def f(x: Tensor=torch.save(1, "x")) -> Tensor:\n  return x\n'
    )
    yield "a decorator", script("", before="@torch.save\ndef f(x: Tensor) -> Tensor:\n  return x\n")
    yield "code outside", script("", before=f'torch.save(1, "{file}")\n')
    yield "an assignment outside", script("", before="x = 1\n")
    for base in (
        "Interface",
        "ModuleInterface",
        "object",
        "torch.nn.Module",
        "Module, Enum",
        "Exception",
    ):
        yield f"a class of {base}", script("", before=f"class Other({base}):\n  pass\n")
    yield "code in a class", script(
        "", before="class Other(Module):\n  for i in range(3):\n    pass\n"
    )
    yield "a class in a class", script(
        "", before="class Other(Module):\n  class Inner(Module):\n    pass\n"
    )
    for name in ("code/__torch__/other.py", "code/__torch__/a/b/c.py"):
        code = f"def f(x: Tensor) -> Tensor:\n{write}    return x\n".encode()
        yield f"in {name}", script("", more={name: code})
    yield "compiled: interface", compiled(_through_interface(file))
    yield "compiled: writes", compiled(_Writes(file))


def _odd_archives(file: str) -> Iterator[tuple[str, bytes]]:
    good = _good()
    for name in (
        "evil.so",
        "code/evil.py",
        "code/../evil.py",
        "data/../x",
        "model.json",
        "attributes.pkl",
        "x.py",
    ):
        yield f"with {name}", packed({**good, name: b"x"})
    for name in good:
        yield f"without {name}", packed({key: value for key, value in good.items() if key != name})
        yield f"empty {name}", packed({**good, name: b""})
    yield "packed values", packed(good, zipfile.ZIP_DEFLATED)
    yield "packed by lzma", packed(good, zipfile.ZIP_LZMA)
    yield "a bomb", packed({**good, "data/9": bytes(80 << 20)}, zipfile.ZIP_DEFLATED)
    yield "a bomb of code", packed(
        {**good, "code/__torch__/b.py": b"#" * (9 << 20)}, zipfile.ZIP_DEFLATED
    )
    yield "an executable before", b"\x7fELF" + bytes(200) + packed(good)
    yield "an archive behind", packed(good) + packed({**good, _CODE: b"x"})
    yield "with extra files", packed(
        {**good, "extra/labels.txt": b"a\nb", "extra/x.pkl": b"cos\nsystem\n"}
    )
    yield "big-endian", packed({**good, "byteorder": b"big"})
    yield "cut off", packed(good)[:-100]
    yield "no archive", b"PK\x03\x04 cut off"
    for name in (
        "__torch__.torch.classes.quantized.Conv2dPackedParamsBase",
        "os.system",
        "builtins.eval",
    ):
        module, _, attribute = name.rpartition(".")
        pickle = f"\x80\x02c{module}\n{attribute}\n)\x81.".encode("latin1")
        yield f"an object of {name}", packed({**good, "data.pkl": pickle})
        yield f"a constant of {name}", packed({**good, "constants.pkl": pickle})
    for value in (float("nan"), float("inf"), float("-inf")):
        model = Model()
        nn.init.constant_(model.weight, value)
        yield f"weights of {value}", compiled(model)
    model = Model()
    model.weight.data = torch.ones(1).expand(2, 4)
    yield "expanded weights", compiled(model)


def compiled(model: nn.Module) -> bytes:
    """What torch.jit.save writes."""
    file = io.BytesIO()
    api: Any = torch.jit
    api.save(api.script(model.eval()), file)
    return file.getvalue()


def _through_interface(file: str) -> nn.Module:
    api: Any = torch.jit

    @api.interface
    class Inner(nn.Module):
        def forward(self, x: Tensor) -> Tensor:  # type: ignore[empty-body]
            pass

    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = _Writes(file)

        def forward(self, x: Tensor) -> Tensor:
            return self.inner.forward(x)

    # TorchScript takes no annotation that is text.
    Hidden.__annotations__ = {"inner": Inner}
    return Hidden()


class _Writes(nn.Module):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: Tensor) -> Tensor:
        torch.save(x, self.path)
        return x


def _good() -> dict[str, bytes]:
    """The entries of `Model`'s script, its code under a name of ours."""
    entries = files_of(compiled(Model()))
    kept = ("version", "byteorder", "constants.pkl", "data/0")
    old = f"c__torch__.{Model.__module__}\nModel\n".encode()
    pickle = entries["data.pkl"].replace(old, b"c__torch__.script\nModel\n")
    code = f"{_HEAD}{_FORWARD}{_END}".encode()
    return {_CODE: code, "data.pkl": pickle, **{name: entries[name] for name in kept}}
