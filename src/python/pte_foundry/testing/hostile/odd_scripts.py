"""Odd, damaged and hostile TorchScript files, as a table; for tests and for the attack suite."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pte_foundry.models.own import torchscript
from pte_foundry.testing.hostile.endings import Tried, attempt, damaged
from pte_foundry.testing.hostile.script_bodies import harmless_bodies, hostile_bodies
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


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.arange(8.0).reshape(2, 4))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight)


def attack(folder: Path, damaged_scripts: int) -> list[Tried]:
    """Load every odd script, and as many damaged ones as asked for.

    Args:
        folder: an empty folder for the files.
    """
    canary = folder / "code-ran"
    files = odd_scripts(canary)
    whole = files["good"]
    files.update({f"damaged {seed}": damaged(whole, seed) for seed in range(damaged_scripts)})
    tried = []
    for name, content in files.items():
        path = folder / "odd.pt"
        path.write_bytes(content)
        tried.append(attempt(name, lambda path=path: _load(path), canary))  # type: ignore[misc]
    return tried


def _load(path: Path) -> bool:
    definition = torchscript.load(saved_model(path, {"x": "float32[1,4]"}))
    with torch.no_grad():
        return torch.equal(definition.module(_X), Model()(_X))


def odd_scripts(canary: Path) -> dict[str, bytes]:
    """Content by name. A file that loads computes what `Model` does.

    Args:
        canary: what the scripts would write.
    """
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
    return _archive({**_good(), _CODE: code.encode("utf-8", "surrogatepass"), **more})


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
    bases = (
        "Interface",
        "ModuleInterface",
        "object",
        "torch.nn.Module",
        "Module, Enum",
        "Exception",
    )
    for base in bases:
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
    added = "evil.so code/evil.py code/../evil.py data/../x model.json attributes.pkl x.py"
    for name in added.split():
        yield f"with {name}", _archive({**good, name: b"x"})
    for name in good:
        yield f"without {name}", _archive(
            {key: value for key, value in good.items() if key != name}
        )
        yield f"empty {name}", _archive({**good, name: b""})
    yield "packed values", _archive(good, zipfile.ZIP_DEFLATED)
    yield "packed by lzma", _archive(good, zipfile.ZIP_LZMA)
    yield "a bomb", _archive({**good, "data/9": bytes(80 << 20)}, zipfile.ZIP_DEFLATED)
    yield "a bomb of code", _archive(
        {**good, "code/__torch__/b.py": b"#" * (9 << 20)}, zipfile.ZIP_DEFLATED
    )
    yield "an executable before", b"\x7fELF" + bytes(200) + _archive(good)
    yield "an archive behind", _archive(good) + _archive({**good, _CODE: b"x"})
    yield "with extra files", _archive(
        {**good, "extra/labels.txt": b"a\nb", "extra/x.pkl": b"cos\nsystem\n"}
    )
    yield "big-endian", _archive({**good, "byteorder": b"big"})
    yield "cut off", _archive(good)[:-100]
    yield "no archive", b"PK\x03\x04 cut off"
    for name in (
        "__torch__.torch.classes.quantized.Conv2dPackedParamsBase",
        "os.system",
        "builtins.eval",
    ):
        module, _, attribute = name.rpartition(".")
        pickle = f"\x80\x02c{module}\n{attribute}\n)\x81.".encode("latin1")
        yield f"an object of {name}", _archive({**good, "data.pkl": pickle})
        yield f"a constant of {name}", _archive({**good, "constants.pkl": pickle})
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
    with zipfile.ZipFile(io.BytesIO(compiled(Model()))) as opened:
        entries = {name.partition("/")[2]: opened.read(name) for name in opened.namelist()}
    kept = ("version", "byteorder", "constants.pkl", "data/0")
    old = f"c__torch__.{Model.__module__}\nModel\n".encode()
    pickle = entries["data.pkl"].replace(old, b"c__torch__.script\nModel\n")
    code = f"{_HEAD}{_FORWARD}{_END}".encode()
    return {_CODE: code, "data.pkl": pickle, **{name: entries[name] for name in kept}}


def _archive(entries: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, content in entries.items():
            made.writestr(f"m/{name}", content)
    return file.getvalue()
