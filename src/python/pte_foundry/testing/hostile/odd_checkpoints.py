"""Odd, damaged and hostile checkpoints, as a table; for tests and for the attack suite."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from pte_foundry.models.checkpoints.pickle_reader import record_class
from pte_foundry.models.checkpoints.refusal import refusing
from pte_foundry.models.checkpoints.restricted import load_checkpoint
from pte_foundry.models.checkpoints.values import apply_state
from pte_foundry.models.own.state_dict import plain_state_dict
from pte_foundry.testing.hostile.endings import Tried, attempt, damaged
from pte_foundry.testing.hostile.forged_pickles import (
    PROTOCOL,
    archive,
    calls,
    forged,
    tensor,
    text,
)

_WEIGHT = torch.arange(8.0).reshape(2, 4)
_BIAS = torch.tensor([1.0, -1.0])
_CLASSES = (record_class("some.package", "Layer"), set)
_CANARY = "code-ran"
AS_RECORDS = ", as records"
"""Ends the names of attempts in which unknown classes become records."""


def attack(folder: Path, damaged_of_each: int) -> list[Tried]:
    """Load every odd checkpoint, and as many damaged ones of each format as asked for.

    Args:
        folder: an empty folder for the files.
    """
    canary = folder / _CANARY
    tried = []
    for name, content in odd_checkpoints(canary).items():
        suffix = ".safetensors" if name.startswith("safetensors") else ".pt"
        path = folder / f"odd{suffix}"
        path.write_bytes(content)
        for records in (False, True):
            tried.append(
                attempt(
                    f"{name}{AS_RECORDS * records}",
                    lambda path=path, records=records: _load(path, records),  # type: ignore[misc]
                    canary,
                )
            )
    for form, (suffix, content) in good_checkpoints().items():
        for seed in range(damaged_of_each):
            path = folder / f"damaged{suffix}"
            path.write_bytes(damaged(content, seed))
            # A file without checksums may carry other numbers: only its pinned hash can say so.
            records = seed % 2 == 1
            tried.append(
                attempt(
                    f"{form} {seed}",
                    lambda path=path, records=records: _loads(path, records),  # type: ignore[misc]
                    canary,
                )
            )
    return tried


def _load(path: Path, records: bool) -> bool:
    layer = nn.Linear(4, 2)
    content = load_checkpoint(path, _CLASSES, unknown_as_records=records)
    with refusing(path.name):
        state = plain_state_dict(content)
    apply_state(layer, state, path.name)
    return torch.equal(layer.weight, _WEIGHT) and torch.equal(layer.bias, _BIAS)


def _loads(path: Path, records: bool) -> bool:
    _load(path, records)
    return True


def good_checkpoints() -> dict[str, tuple[str, bytes]]:
    """Suffix and content of a good file in each format."""
    state = {"weight": _WEIGHT, "bias": _BIAS}
    header = {"weight": _entry([0, 32]), "bias": _entry([32, 40], [2])}
    values = struct.pack("<10f", *_WEIGHT.flatten().tolist(), *_BIAS.tolist())
    return {
        "archive": (".pt", saved(state)),
        "legacy": (".pt", saved(state, zipped=False)),
        "safetensors": (".safetensors", _safetensors(header, values)),
    }


def odd_checkpoints(canary: Path) -> dict[str, bytes]:
    """Content by name. A file that loads has the values of `nn.Linear(4, 2)` that this module knows.

    Args:
        canary: what code in the files would make.
    """
    return {
        **{
            f"good {form}": content
            for form, (_, content) in good_checkpoints().items()
            if form != "safetensors"
        },
        **dict(_of_other_types()),
        **dict(_of_other_values()),
        **dict(_of_other_layouts()),
        **dict(_of_other_contents()),
        **dict(calls(canary)),
        **dict(forged()),
        **dict(_archives()),
        **dict(_other_files()),
        **dict(_safetensors_files()),
    }


def saved(content: object, zipped: bool = True) -> bytes:
    """What torch.save writes."""
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def _state(weight: Tensor, **more: object) -> bytes:
    return saved({"weight": weight, "bias": _BIAS, **more})


def _of_other_types() -> Iterator[tuple[str, bytes]]:
    for dtype in sorted(
        {one for one in vars(torch).values() if isinstance(one, torch.dtype)}, key=str
    ):
        name = str(dtype).removeprefix("torch.")
        try:
            weight = _WEIGHT.to(dtype)
            contents = _state(weight), saved({"weight": _WEIGHT, "bias": _BIAS.to(dtype)})
        except (RuntimeError, NotImplementedError, KeyError):
            continue  # torch 2.13 has no values of this type, or does not save them.
        yield f"type {name}", contents[0]
        yield f"type {name} of a bias", contents[1]


def _of_other_values() -> Iterator[tuple[str, bytes]]:
    for value in ("nan", "inf", "-inf"):
        for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64):
            yield f"{value} {dtype}", _state(torch.full((2, 4), float(value)).to(dtype))
    yield "1e300", _state(torch.full((2, 4), 1e300, dtype=torch.float64))
    yield "one -1e39", _state(_WEIGHT.double().index_fill(1, torch.tensor([3]), -1e39))
    yield "half a NaN", _state(torch.complex(_WEIGHT, torch.full((2, 4), float("nan"))))


def _of_other_layouts() -> Iterator[tuple[str, bytes]]:
    yield "transposed", _state(_WEIGHT.t().contiguous().t())
    yield "part of a larger one", _state(torch.arange(-4.0, 20.0)[4:12].reshape(2, 4))
    yield "a parameter", _state(nn.Parameter(_WEIGHT.clone()))
    with_attribute = _WEIGHT.clone()
    with_attribute.note = "x"  # type: ignore[attr-defined]
    yield "with attributes", _state(with_attribute)
    yield "sparse", _state(_WEIGHT.to_sparse())
    for layout in ("csr", "csc"):
        yield f"sparse {layout}", _state(getattr(_WEIGHT, f"to_sparse_{layout}")())
    yield "meta", _state(torch.empty(2, 4, device="meta"))
    yield "quantised", _state(torch.quantize_per_tensor(_WEIGHT, 0.1, 0, torch.quint8))
    scales, zeros = torch.ones(2), torch.zeros(2, dtype=torch.int64)
    yield "quantised by channel", _state(
        torch.quantize_per_channel(_WEIGHT, scales, zeros, 0, torch.qint8)
    )
    yield "nested", _state(torch.nested.nested_tensor(list(_WEIGHT)))
    yield "conjugated", _state(torch.complex(_WEIGHT, _WEIGHT).conj())
    yield "negated", _state(torch.complex(_WEIGHT, _WEIGHT).conj().imag)
    yield "expanded", _state(torch.ones(1).expand(2, 4))
    yield "expanded of another shape", _state(torch.ones(1).expand(200_000, 200_000))
    yield "expanded and unexpected", _state(_WEIGHT, extra=torch.ones(1).expand(200_000, 200_000))
    yield "expanded and nested", saved({"state_dict": {"weight": torch.ones(1).expand(1 << 40)}})
    yield "of no dimension", _state(torch.tensor(1.0))
    yield "empty", _state(torch.empty(0, 4))
    yield "without values, huge", _state(torch.empty(0, 1 << 40))


def _of_other_contents() -> Iterator[tuple[str, bytes]]:
    cycle: dict[str, object] = {}
    cycle["state_dict"] = cycle
    contents: dict[str, object] = {
        "empty dict": {},
        "list": [_WEIGHT],
        "tensor": _WEIGHT,
        "nothing": None,
        "text": "x",
        "bytes": b"x",
        "set": {"x"},
        "numbers as keys": {1: _WEIGHT, 2: _BIAS},
        "bools as keys": {True: _WEIGHT},
        "tuples as keys": {("weight",): _WEIGHT},
        "no tensors": {"weight": 1, "bias": [2.0]},
        "an odd name": {"weight": _WEIGHT, "bias": _BIAS, "\x1b[31m\ud800\n" * 50: _BIAS},
        "a name of a megabyte": {"x" * (1 << 20): _BIAS},
        "an envelope in itself": cycle,
        "an envelope of nothing": {"state_dict": None},
        "one is missing": {"weight": _WEIGHT},
        "10,000 are unexpected": {str(number): _BIAS for number in range(10_000)},
    }
    for name, content in contents.items():
        yield name, saved(content)
        yield f"{name}, legacy", saved(content, zipped=False)


def _archives() -> Iterator[tuple[str, bytes]]:
    state = _entries(good_checkpoints()["archive"][1])
    yield "packed values", archive(state["data.pkl"], state, zipfile.ZIP_DEFLATED)
    for method, name in ((zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "lzma")):
        yield f"packed by {name}", archive(state["data.pkl"], state, method)
    yield "a bomb of 80 MB", archive(
        PROTOCOL + b"}" + text("weight") + tensor([20 << 20], [1], count=20 << 20) + b"s.",
        {"data/0": bytes(80 << 20)},
        zipfile.ZIP_DEFLATED,
    )
    yield "big-endian", archive(state["data.pkl"], {**state, "byteorder": b"big"})
    yield "no pickle", archive(b"", {"data/0": bytes(8)})
    yield "no archive of torch", _zip({"x": b"1", "y/z": b"2"})
    yield "no entry", _zip({})
    yield "twice the same", _zip({"a/data.pkl": state["data.pkl"]}) + _zip({"a/data.pkl": b"."})
    whole = good_checkpoints()["archive"][1]
    for name, offset, value in (
        ("encrypted", 8, 1),
        ("of method 99", 10, 99),
        ("of 4 GB", 24, 0xFFFE),
        ("elsewhere", 42, 0xFFF0),
        ("of another checksum", 16, 0x1234),
    ):
        changed = bytearray(whole)
        start = changed.rfind(b"PK\x01\x02")
        while start >= 0:
            changed[start + offset : start + offset + 2] = value.to_bytes(2, "little")
            start = changed.rfind(b"PK\x01\x02", 0, start)
        yield f"entries {name}", bytes(changed)


def _other_files() -> Iterator[tuple[str, bytes]]:
    files = {
        "a web page": b"<!doctype html>\n<html>",
        "a pointer of git-lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 1\n",
        "an empty file": b"",
        "zeros": bytes(1000),
        "a start of a zip": b"PK\x03\x04",
        "an end of a zip": b"PK\x05\x06" + bytes(18),
        "an executable": b"\x7fELF\x02\x01\x01" + bytes(5000),
        "gzip": b"\x1f\x8b\x08" + bytes(50),
        "a bare pickle": pickle.dumps({"weight": [1.0]}, 2),
        "a bare pickle of protocol 5": pickle.dumps({"weight": [1.0]}, 5),
        "a tar": b"x" * 257 + b"ustar" + bytes(800),
    }
    for name, content in files.items():
        yield name, content
        yield f"safetensors: {name}", content


def _safetensors_files() -> Iterator[tuple[str, bytes]]:
    bias = _entry([32, 40], [2])
    for name, header, data in (
        ("overlap", {"weight": _entry([0, 32]), "bias": _entry([0, 8], [2])}, bytes(32)),
        ("beyond the end", {"weight": _entry([0, 32])}, bytes(8)),
        ("a hole", {"weight": _entry([8, 40])}, bytes(40)),
        ("a size over 2**64", {"weight": _entry([0, 32], [1 << 63, 2])}, bytes(32)),
        ("a negative size", {"weight": _entry([0, 32], [-2, -4])}, bytes(32)),
        ("an unknown type", {"weight": _entry([0, 32], kind="NaN")}, bytes(32)),
        (
            "float8",
            {"weight": _entry([0, 8], kind="F8_E4M3"), "bias": _entry([8, 16], [2])},
            b"8" * 16,
        ),
        ("float4", {"weight": _entry([0, 4], kind="F4"), "bias": _entry([4, 12], [2])}, bytes(12)),
        ("int8", {"weight": _entry([0, 8], kind="I8"), "bias": _entry([8, 16], [2])}, bytes(16)),
        ("NaN", {"weight": _entry([0, 32]), "bias": bias}, b"\xff" * 40),
        ("a list", [], b""),
        ("no tensors", {}, b""),
    ):
        yield f"safetensors: {name}", _safetensors(header, data)
    yield "safetensors: a header of 2**63", struct.pack("<Q", 1 << 63) + b"{}"
    yield "safetensors: a header of 2**40", struct.pack("<Q", 1 << 40) + b"{}"
    yield "safetensors: nested", struct.pack("<Q", 100_000) + b"[" * 100_000
    yield "safetensors: an archive", good_checkpoints()["archive"][1]


def _entry(
    offsets: list[int], shape: Sequence[int] = (2, 4), kind: str = "F32"
) -> dict[str, object]:
    return {"dtype": kind, "shape": list(shape), "data_offsets": offsets}


def _safetensors(header: object, data: bytes) -> bytes:
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + data


def _zip(entries: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in entries.items():
            made.writestr(name, content)
    return file.getvalue()


def _entries(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        return {name.partition("/")[2]: opened.read(name) for name in opened.namelist()}
