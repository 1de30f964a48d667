from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.testing.hostile.endings import (
    ESCAPED,
    LOADED,
    RAN,
    REFUSED,
    WRONG,
    Tried,
    attempt,
    damaged,
    totals,
)
from pte_foundry.testing.hostile.odd_checkpoints import AS_RECORDS, attack

_MAY_LOAD = {
    *("good archive", "good legacy", "transposed", "part of a larger one", "a parameter"),
    "with attributes",
    "packed values",
    *(
        f"type {name}{what}"
        for name in ("float64", "float32", "float16", "bfloat16")
        for what in ("", " of a bias")
    ),
}


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> list[Tried]:
    return attack(tmp_path_factory.mktemp("odd"), damaged_of_each=40)


def test_every_odd_checkpoint_is_refused_or_right(tried: list[Tried]) -> None:
    bad = [one for one in tried if one.ended not in (LOADED, REFUSED)]
    assert not bad, bad[0]
    named = [one for one in tried if not one.name.rpartition(" ")[2].isdigit()]
    assert len(named) >= 2 * 340
    may_load = _MAY_LOAD | {f"{name}{AS_RECORDS}" for name in _MAY_LOAD}
    assert {one.name for one in named if one.ended == LOADED} == may_load
    for one in tried:
        assert len(one.detail) < 1500 and one.detail.isprintable(), one.name
        assert one.ended == LOADED or one.detail.startswith(("bad-checkpoint", "forbidden-pickle"))


def test_what_is_refused_says_what_to_do(tried: list[Tried]) -> None:
    said = {one.name: one.detail for one in tried}
    for name, words in {
        "sparse": "a sparse tensor. Save it as `tensor.to_dense()`",
        "meta": "a tensor without values",
        "nested": "a nested tensor",
        "quantised": "`tensor.dequantize()`",
        "type float8_e4m3fn": "save them as float32 or bfloat16",
        "type int8": "weight int8 instead of float32",
        "type complex64": "weight complex64 instead of float32",
        "1e300": "NaN or infinity: weight",
        "expanded and unexpected": "has 1 values in the file",
        "a storage of 2**60": "data/0 has 32 bytes",
        "a bomb of 80 MB": "stores values as they are",
        "entries of another checksum": "Bad CRC-32",
        "call of torch.os.system": "refers to torch.os.system, which is not allowed",
        "uninitialised": "a tensor made by a call",
    }.items():
        assert words in said[name], said[name]
    as_record = said[f"call of torch.os.system{AS_RECORDS}"]
    assert "a pickled system has no _parameters: it is not a module" in as_record


def test_each_way_to_end(tmp_path: Path) -> None:
    canary = tmp_path / "canary"

    def refuse() -> bool:
        raise PteError("bad-checkpoint", "no")

    def run() -> bool:
        canary.write_bytes(b"")
        return refuse()

    ended = [
        attempt("x", load, canary).ended
        for load in (lambda: True, lambda: False, refuse, lambda: bool(1 / 0), run)
    ]
    assert ended == [LOADED, WRONG, REFUSED, ESCAPED, RAN]
    assert totals([attempt("x", refuse, tmp_path / "y")] * 3) == {REFUSED: 3}


@pytest.mark.parametrize("seed", range(5))
def test_damage_is_a_function_of_its_seed(seed: int) -> None:
    content = bytes(range(256))
    assert damaged(content, seed) == damaged(content, seed)
    assert len({damaged(content, seed) for seed in range(50)}) > 40
