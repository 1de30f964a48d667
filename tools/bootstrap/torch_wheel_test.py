from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch_wheel
from messages import NoSpaceError, PreparationError
from pins import TORCH_CPU_INDEX, Wheel

_WHEEL = Wheel("torch==1+cpu", "torch-1.whl", hashlib.sha256(b"good").hexdigest(), 4)


class FakePip:
    """Stands in for `run_pip`: raises or writes what it is told, call by call."""

    def __init__(self, *results: PreparationError | bytes, name: str = _WHEEL.file_name) -> None:
        self.results = list(results)
        self.name = name
        self.with_index: list[bool] = []

    def __call__(
        self, python: Path, arguments: list[str], scratch: Path, env: Mapping[str, str], task: str
    ) -> str:
        self.with_index.append(TORCH_CPU_INDEX in arguments)
        result = self.results.pop(0)
        if isinstance(result, PreparationError):
            raise result
        Path(arguments[arguments.index("-d") + 1], self.name).write_bytes(result)
        return ""


def _ensure(monkeypatch: pytest.MonkeyPatch, cache: Path, pip: FakePip) -> Path:
    monkeypatch.setattr(torch_wheel, "run_pip", pip)
    return torch_wheel.ensure_torch_wheel(cache, _WHEEL, Path("/python3.11"), {})


def test_own_sources_suffice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = FakePip(b"good")
    folder = _ensure(monkeypatch, tmp_path, pip)
    assert [path.name for path in folder.iterdir()] == [_WHEEL.file_name]
    assert pip.with_index == [False]


def test_pytorchs_index_is_added_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = FakePip(PreparationError("not there"), b"good")
    _ensure(monkeypatch, tmp_path, pip)
    assert pip.with_index == [False, True]


def test_both_failures_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = FakePip(PreparationError("not there"), PreparationError("host unknown"))
    with pytest.raises(PreparationError, match="(?s)not there.*host unknown"):
        _ensure(monkeypatch, tmp_path, pip)


def test_a_full_disk_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = FakePip(NoSpaceError("full"), b"good")
    with pytest.raises(NoSpaceError):
        _ensure(monkeypatch, tmp_path, pip)
    assert pip.with_index == [False]


def test_another_build_never_gets_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PreparationError, match="wrong hash"):
        _ensure(monkeypatch, tmp_path, FakePip(b"evil"))
    assert list(tmp_path.iterdir()) == []


def test_another_platforms_wheel_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PreparationError, match="gave other.whl instead of torch-1.whl"):
        _ensure(monkeypatch, tmp_path, FakePip(b"good", name="other.whl"))


def test_a_good_file_is_kept_and_a_damaged_one_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _ensure(monkeypatch, tmp_path, FakePip(b"good"))
    unused = FakePip()
    _ensure(monkeypatch, tmp_path, unused)
    assert unused.with_index == []
    (folder / _WHEEL.file_name).write_bytes(b"damaged")
    _ensure(monkeypatch, tmp_path, FakePip(b"good"))
    assert (folder / _WHEEL.file_name).read_bytes() == b"good"
