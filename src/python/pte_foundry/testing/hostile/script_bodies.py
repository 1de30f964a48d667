"""Lines of TorchScript that a file may and may not have; for tests and for attacks."""

from __future__ import annotations

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
""".strip().splitlines()


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
            for number, call in enumerate(_CALLS)
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
