from __future__ import annotations

import numpy as np
import pytest

from pte_foundry.validation.machine_traces import machine_traces

NUMBERS = np.linspace(-3.0, 3.0, 4000, dtype=np.float32).tobytes()
FOLDER = "/q/checkout-7"
NAMES = ("mmustermann", "host-4711", "root", "eva")


def found(text: str) -> list[str]:
    """In the middle of float data, as in a payload."""
    return machine_traces(NUMBERS + b"\0" + text.encode() + b"\0" + NUMBERS, (FOLDER,), NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "/home/someone/model.py",
        "source: /Users/someone/x",
        "/tmp/a.py",
        "/private/var/folders/xy",
        '"/work/sandbox/lowering.py"',
        "C:\\\\Users\\\\someone\\\\model.py",
        "C:\\Users\\someone\\model.py",
        "D:/Temp/model",
        "lib/python3.11/site-packages/torch",
        "pants-sandbox-x1Yz",
        "made in /q/checkout-7/src",
        "conversion by mmustermann.",
        "built on host-4711 with care",
        "2026-11-21",
        "2026-11-21T13:25:00Z",
        "on 2031/01/05 at noon",
    ],
)
def test_a_trace_is_found_and_shown_with_its_place(text: str) -> None:
    lines = found(text)
    place = int(lines[0].partition(" at byte ")[2].partition(":")[0])
    assert len(NUMBERS) < place <= len(NUMBERS) + len(text)


@pytest.mark.parametrize(
    "text",
    [
        "aten::add.out",
        "layers/data/weight/values",
        "features.0/tmp/convolution",
        "mmustermanns and host-47110 are other words",
        "root is an ordinary word, and eva is short",
        "1970-01-01T00:00:00Z",
        "2026-13-21 and 2026-11-32 and 2026-1-1",
        "120260-11-21",
        "2026-11-211",
        "https://example.org/usr",
        "version 9.0 of 2026",
    ],
)
def test_a_lookalike_is_ignored(text: str) -> None:
    assert found(text) == []


def test_a_name_among_numbers_is_chance() -> None:
    assert machine_traces(b"\x01\xff" * 50 + b"\0ekda\0" + b"\x02\xfe" * 50, (), ("ekda",)) == []


def test_random_numbers_have_no_traces() -> None:
    noise = np.random.Generator(np.random.Philox(7)).bytes(1 << 24)
    assert machine_traces(noise, (FOLDER,), NAMES) == []


def test_a_flood_is_cut() -> None:
    assert len(found("/home/someone/model.py " * 1000)) == 5
