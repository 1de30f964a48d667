from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.device_result import (
    MOST_CASES,
    CaseParity,
    Device,
    DeviceResult,
    Versioned,
)
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.measured_accuracy import MeasuredAccuracy, Score
from pte_foundry.testing.sample_device_results import sample_device_result

WHERE = "result.json"


def read(value: Any) -> DeviceResult:
    return DeviceResult.read(Fields(value, WHERE))


def test_a_result_with_everything() -> None:
    result = read(sample_device_result())
    assert (result.program.name, result.program.sha256) == (
        "mobilenet_v3_small_xnnpack.pte",
        "0a" * 32,
    )
    assert result.device == Device("Sample Phone 8", "Sample G3")
    assert (result.system, str(result.runtime)) == (Versioned("Android", "15"), "ExecuTorch 1.5.1")
    # By name, whatever the file's order.
    assert result.parity == (
        CaseParity("chelsea.png", None, True),
        CaseParity("fixed-0", 2e-05, None),
    )
    assert result.latency is not None and result.latency.median == 2.125
    assert (result.peak_memory_bytes, result.load_ms) == (41_943_040, 12.5)
    assert result.accuracy == MeasuredAccuracy(
        "ten pets", 10, "0d" * 32, (Score("top-1", 0.7, 0.8), Score("top-5", 0.9, None))
    )
    written = json.loads(json.dumps(result.to_json()))
    assert written == {
        **sample_device_result(),
        "parity": sample_device_result()["parity"][::-1],
    }


@pytest.mark.parametrize(
    "only", ["parity", "latency_ms", "peak_memory_bytes", "load_ms", "accuracy"]
)
def test_one_measurement_is_enough(only: str) -> None:
    full = sample_device_result()
    spare = {
        name: value
        for name, value in full.items()
        if name == only
        or name not in ("parity", "latency_ms", "peak_memory_bytes", "load_ms", "accuracy")
    }
    assert read(spare).to_json().keys() == spare.keys()


def test_equal_numbers_are_written_alike() -> None:
    whole, real = sample_device_result(load_ms=12), sample_device_result(load_ms=12.0)
    assert json.dumps(read(whole).to_json()) == json.dumps(read(real).to_json())
    zero = sample_device_result(parity=[{"case": "fixed-0", "max_abs_difference": -0.0}])
    assert "-0.0" not in json.dumps(read(zero).to_json())


@pytest.mark.parametrize(
    ("case", "bound", "holds"),
    [
        (CaseParity("a", 0.5, None), 0.5, True),
        (CaseParity("a", 0.6, None), 0.5, False),
        (CaseParity("a", None, True), 0.0, True),
        (CaseParity("a", None, False), 9.0, False),
    ],
)
def test_whether_a_case_holds(case: CaseParity, bound: float, holds: bool) -> None:
    assert case.holds(bound) is holds


@pytest.mark.parametrize("name", ["program", "device", "os", "runtime", "source"])
def test_no_number_without_what_is_behind_it(name: str) -> None:
    others: tuple[object, ...] = (None, "Pixel", [])
    for value in others:
        with pytest.raises(PteError, match=f"{WHERE}: `{name}` is a .*, not an object"):
            read(sample_device_result(**{name: value}))
    with pytest.raises(PteError, match=f"{WHERE}: {name}: `.*` is missing"):
        read(sample_device_result(**{name: {}}))
    result = sample_device_result()
    del result[name]
    with pytest.raises(PteError, match=f"`{name}` is missing. A number needs `program`, `device`"):
        read(result)


INNER = [
    *(("program", inner) for inner in ("name", "sha256")),
    *(("device", inner) for inner in ("model", "chip")),
    *(("os", inner) for inner in ("name", "version")),
    *(("runtime", inner) for inner in ("name", "version")),
    *(("source", inner) for inner in ("who", "date", "how")),
    *(("latency_ms", inner) for inner in ("median", "runs", "what")),
    *(("accuracy", inner) for inner in ("data_set", "pictures", "sha256", "scores")),
]


@pytest.mark.parametrize(("outer", "inner"), INNER)
def test_each_of_their_fields_is_needed(outer: str, inner: str) -> None:
    result = sample_device_result()
    del result[outer][inner]
    with pytest.raises(PteError, match=f"{WHERE}: {outer}: `{inner}` is missing"):
        read(result)


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        each
        for each in INNER
        if each[1] not in ("sha256", "date", "median", "runs", "pictures", "scores")
    ],
)
@pytest.mark.parametrize(
    "text", ["", " ", "-", "???", "a\nb", "a\x1b[31m", "a\u202eb", "a" * 1001, None, 3]
)
def test_words_are_one_line_that_says_something(outer: str, inner: str, text: object) -> None:
    result = sample_device_result()
    result[outer][inner] = text
    with pytest.raises(PteError) as caught:
        read(result)
    assert f"{WHERE}: {outer}" in caught.value.message and len(caught.value.message) < 600
    assert caught.value.message.isprintable()


def _set(*path: str | int, to: object) -> Callable[[Any], None]:
    def spoil(result: Any) -> None:
        *folders, name = path
        for folder in folders:
            result = result[folder]
        result[name] = to

    return spoil


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_set("schema_version", to=1), "`schema_version` is 1; this version reads 2"),
        (_set("schema_version", to=True), "`schema_version` is True"),
        (_set("latency", to={}), "`latency` is no field of a result; `latency_ms` is"),
        (_set("device", "modell", to="x"), "device: `modell` is no field of a result; `model` is"),
        (_set("zzz", to=1), "`zzz` is no field of a result. There are `schema_version`"),
        (_set("a\x1b[31mb", to=1), r"`a\\x1b\[31mb` is no field"),
        (_set("program", "name", to="models/a.pte"), "give the file's name alone"),
        (_set("program", "name", to="../a.pte"), "not a plain relative path"),
        (_set("program", "sha256", to="0A" * 32), "not 64 lower-case"),
        (_set("parity", to=[]), "`parity` has 0 cases: give 1 to 256"),
        (_set("parity", to=[{"case": "a", "passed": True}] * (MOST_CASES + 1)), "has 257 cases"),
        (_set("parity", to=[{"case": "a", "passed": True}] * 2), "has the case 'a' twice"),
        (_set("parity", 0, "passed", to=True), "one of the two is needed, and not both"),
        (_set("parity", 1, to={"case": "a"}), r"parity\[1\]: `max_abs_difference` and `passed`"),
        (_set("parity", 1, "passed", to="yes"), "not true or false"),
        (_set("parity", 0, "max_abs_difference", to=-1e-9), "is -1e-09, not 0 or more"),
        (_set("parity", 0, "max_abs_difference", to=None), "not a number"),
        (_set("latency_ms", "median", to=0), "is 0, not a number above 0"),
        (_set("latency_ms", "median", to=math.nan), "is nan"),
        (_set("latency_ms", "median", to=math.inf), "is inf: give at most 1e"),
        (_set("latency_ms", "median", to=10**400), "give at most 1e"),
        (_set("latency_ms", "median", to=-(10**400)), "give at most 1e"),
        (_set("latency_ms", "median", to="2"), "is '2', not a number"),
        (_set("latency_ms", "median", to=True), "is True, not a number"),
        (_set("latency_ms", "runs", to=0), "`runs` is 0: give 1 to"),
        (_set("latency_ms", "runs", to=1.5), "`runs` is 1.5"),
        (_set("latency_ms", "threads", to=0), "`threads` is 0: give 1 to"),
        (_set("load_ms", to=-1), "`load_ms` is -1, not a number above 0"),
        (_set("peak_memory_bytes", to=0), "`peak_memory_bytes` is 0"),
        (_set("peak_memory_bytes", to=2**51), "`peak_memory_bytes` is 2251799813685248"),
        (_set("peak_memory_bytes", to=None), "`peak_memory_bytes` is None"),
        (_set("accuracy", "pictures", to=0), "`pictures` is 0: give 1 to"),
        (_set("accuracy", "sha256", to="1"), "not 64 lower-case"),
        (_set("accuracy", "scores", to=[]), "`scores` are 1 to 16, each with another name"),
        (
            _set("accuracy", "scores", 1, "name", to="top-1"),
            "`scores` are 1 to 16, each with another name",
        ),
        (_set("accuracy", "scores", 0, "value", to=1.1), "is 1.1, not a share between 0 and 1"),
        (_set("accuracy", "scores", 0, "eager", to=70), "is 70, not a share between 0 and 1"),
        (_set("accuracy", "scores", 0, "fp32", to=0.7), r"scores\[0\]: `fp32` is no field"),
        (_set("source", "date", to="30.11.2026"), "not a day such as 2026-11-30"),
        (_set("source", "date", to="2026-02-30"), "not a day such as 2026-11-30"),
        (_set("source", "date", to="20261130"), "not a day such as 2026-11-30"),
        (_set("source", "date", to="２０２６-11-30"), "not a day such as 2026-11-30"),
    ],
)
def test_what_is_refused(spoil: Callable[[Any], None], reason: str) -> None:
    result = sample_device_result()
    spoil(result)
    with pytest.raises(PteError, match=reason) as caught:
        read(result)
    assert caught.value.message.startswith(WHERE)


def test_nothing_was_measured() -> None:
    result = sample_device_result()
    for name in ("parity", "latency_ms", "peak_memory_bytes", "load_ms", "accuracy"):
        del result[name]
    with pytest.raises(PteError, match="nothing was measured. Give one of `parity`, `latency_ms`"):
        read(result)
