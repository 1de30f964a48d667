"""Pickles written instruction by instruction, as torch.save would not write them; for tests and for attacks."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

PROTOCOL = b"\x80\x02"
_GLOBALS = """
os.system posix.system subprocess.getoutput builtins.eval builtins.exec builtins.getattr builtins.__import__
__builtin__.eval builtins.open torch.os.system torch._utils.os.system torch.load torch.hub.load
torch.serialization.load torch.jit.load torch._utils._import_dotted_name builtins.set.__class__
torch.ops.load_library torch.storage._load_from_bytes torch._tensor._rebuild_from_type operator.methodcaller
functools.partial numpy.load numpy.core.multiarray._reconstruct torch.nn.Sequential some.package.Layer.__init__
collections.OrderedDict.fromkeys torch._C._import_ir_module x\0.y some.package.Layer torch.Tensor
torch.FloatStorage torch.float32 torch.storage.UntypedStorage collections.OrderedDict collections.Counter
builtins.set builtins.bytearray _codecs.encode torch.Size torch.device builtins.complex
torch.nn.parameter.Parameter torch._utils._rebuild_parameter torch._utils._rebuild_tensor_v2
torch._tensor._rebuild_from_type_v2
""".split()


def archive(
    content: bytes, more: Mapping[str, bytes] = {}, method: int = zipfile.ZIP_STORED
) -> bytes:
    """An archive as torch.save writes it, of a pickle that it would not write."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, data in {"data.pkl": content, "version": b"3\n", **more}.items():
            made.writestr(f"a/{name}", data)
    return file.getvalue()


def named(name: str) -> bytes:
    """The instruction that refers to a global."""
    module, _, attribute = name.rpartition(".")
    return b"c" + module.encode() + b"\n" + attribute.encode() + b"\n"


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def _number(value: int) -> bytes:
    encoded = pickle.encode_long(value)
    return b"\x8a" + bytes([len(encoded)]) + encoded


def _storage(count: int, kind: str = "torch.FloatStorage", key: str = "0") -> bytes:
    return b"(" + text("storage") + named(kind) + text(key) + text("cpu") + _number(count) + b"tQ"


def tensor(
    size: list[int],
    stride: list[int],
    offset: int = 0,
    count: int = 8,
    kind: str = "torch.FloatStorage",
) -> bytes:
    def numbers(values: list[int]) -> bytes:
        return b"(" + b"".join(map(_number, values)) + b"t"

    arguments = _storage(count, kind) + _number(offset) + numbers(size) + numbers(stride)
    hooks = b"\x89" + named("collections.OrderedDict") + b")R"
    return named("torch._utils._rebuild_tensor_v2") + b"(" + arguments + hooks + b"tR"


def _forged_state(weight: bytes, data: bytes = bytes(32)) -> bytes:
    return archive(PROTOCOL + b"}" + text("weight") + weight + b"s.", {"data/0": data})


def calls(canary: Path) -> Iterator[tuple[str, bytes]]:
    """Pickles that call, make or change what a global names."""
    command = text(f"touch {canary}")
    for name in _GLOBALS:
        yield f"call of {name}", archive(PROTOCOL + named(name) + command + b"\x85R.")
        yield f"object of {name}", archive(PROTOCOL + named(name) + command + b"\x85\x81.")
        state = b"}" + text("x") + command + b"sb."
        yield f"attributes of {name}", archive(PROTOCOL + named(name) + state)


def forged() -> Iterator[tuple[str, bytes]]:
    """Pickles and tensors that torch would not write."""
    layer, big = named("some.package.Layer"), 1 << 60
    pickles = {
        "uninitialised": named("torch.Tensor") + _number(2) + _number(4) + b"\x86R",
        "uninitialised and huge": named("torch.Tensor") + _number(1 << 20) * 2 + b"\x86R",
        "uninitialised storage": named("torch.storage.UntypedStorage")
        + _number(1 << 36)
        + b"\x85R",
        "bytearray of 2**40": named("builtins.bytearray") + _number(1 << 40) + b"\x85R",
        "encoded by a codec": named("_codecs.encode") + text("x") + text("zlib_codec") + b"\x86R",
        "a number as a state": layer + b")\x81K\x05b",
        "attributes of a class": layer + b"}" + text("__setstate__") + b"K\x05sb",
        "attributes of a set": named("builtins.set") + b"]\x85R}" + text("a") + b"K\x01sb",
        "attributes of a tensor": b"}" + text("weight") + _storage(8) + b"}b",
        "a text as a persistent id": text("hello") + b"Q",
        "a number as a persistent id": b"K\x01Q",
        "an empty persistent id": b")Q",
        "a storage of 2**60": _storage(big),
        "a storage of -1": _storage(-1),
        "a storage elsewhere": _storage(8, key="../../../etc/passwd"),
        "a storage that is absent": _storage(8, key="7"),
        "a storage of a module": _storage(8, kind="torch.nn.parameter.Parameter"),
        "a storage longer than its bytes": _storage(1 << 20),
        "an absent memo": b"h\x63",
        "nothing to call": b"R",
        "nothing to take": b"\x87",
        "no mark": b"t",
        "a mark as content": b"(",
        "no stop": b"}",
        "a long of 2 GB": b"\x8b" + struct.pack("<i", (1 << 31) - 1),
        "a text of 4 GB": b"X\xff\xff\xff\xff",
        "a number of a million digits": b"I" + b"9" * 1_000_000 + b"\n",
        "protocol 99": b"\x80\x63}",
        "nested tuples": b")" + b"\x85" * 20_000,
        "a nested tuple as a key": b"})" + b"\x85" * 200_000 + b"K\x01s",
        "a nested tuple in a set": named("builtins.set") + b"])" + b"\x85" * 200_000 + b"a\x85R",
        "a list that holds itself": b"]q\x00h\x00a",
        "a million empty lists": b"(" + b"]" * 1_000_001 + b"t",
        "items of a list": b"]" + text("a") + b"K\x01s",
        "an odd number of items": b"}(" + text("a") + b"u",
    }
    for name, instructions in pickles.items():
        yield name, archive(PROTOCOL + instructions + b".", {"data/0": bytes(32)})
    views: dict[str, tuple[list[int], list[int], int]] = {
        "a view beyond the end": ([2, 4], [4, 1], 1),
        "a view far beyond the end": ([2, 4], [4, 1], big),
        "a view with a large step": ([2, 4], [1 << 40, 1], 0),
        "a negative size": ([-2, 4], [4, 1], 0),
        "a negative step": ([2, 4], [-4, 1], 0),
        "a negative offset": ([2, 4], [4, 1], -1),
        "a size of 2**60": ([big, 4], [0, 0], 0),
        "a product over 2**64": ([1 << 40, 1 << 40], [0, 0], 0),
        "fewer steps than sizes": ([2, 4], [1], 0),
        "1,000 dimensions": ([1] * 1000, [1] * 1000, 0),
    }
    for name, (size, stride, offset) in views.items():
        yield name, _forged_state(tensor(size, stride, offset))
    yield "values are missing", _forged_state(tensor([2, 4], [4, 1]), b"")
    yield "values are too short", _forged_state(tensor([2, 4], [4, 1]), bytes(31))
    yield "values are too long", _forged_state(tensor([2, 4], [4, 1]), bytes(33))
    yield "one storage, 2,000 tensors", archive(
        PROTOCOL
        + b"}"
        + b"".join(text(str(one)) + tensor([2, 4], [4, 1]) + b"s" for one in range(2_000))
        + b".",
        {"data/0": bytes(32)},
    )
