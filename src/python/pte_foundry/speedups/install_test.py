from __future__ import annotations

import dataclasses
import gc
from pathlib import Path
from typing import Any

# Some of the speed-ups apply where it is imported.
import executorch.backends.xnnpack.quantizer.xnnpack_quantizer_utils  # type: ignore[import-untyped]  # noqa: F401
import pytest
import torch
from torch.fx import GraphModule, traceback

from pte_foundry.backends.coreml import lowering as coreml
from pte_foundry.backends.portable import lowering as portable
from pte_foundry.backends.vulkan import lowering as vulkan
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.exporting.export import export
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.rewrites import float_hardsigmoid
from pte_foundry.speedups import (
    composite_operators,
    install,
    rare_collection,
    shared_provenance,
    vulkan_patterns,
)
from pte_foundry.speedups.install import SPEEDUPS, speedups
from pte_foundry.speedups.upstream import DIGITS, Upstream
from pte_foundry.testing import tiny_builder


def test_all_fit_what_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    with speedups() as names:
        assert names == tuple(one.__name__.rpartition(".")[2] for one in SPEEDUPS)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "found",
    [
        {"digest": "0" * DIGITS},
        {"name": "NodeSource.nonesuch"},
        {"name": "nonesuch"},
    ],
)
def test_one_that_does_not_fit_says_so_and_steps_aside(
    found: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (upstream,) = shared_provenance.UPSTREAM
    other = dataclasses.replace(upstream, **found)
    monkeypatch.setattr(shared_provenance, "UPSTREAM", (other,))
    copy = vars(traceback)["copy"]
    with speedups((shared_provenance, rare_collection)) as names:
        assert names == ("rare_collection",)
        assert vars(traceback)["copy"] is copy
    assert capsys.readouterr().err == (
        f"pte-foundry: the speed-up shared_provenance is left out: {other} is not what it was written for, "
        "see docs/speedups.md\n"
    )


@pytest.mark.parametrize("speedup", SPEEDUPS, ids=lambda one: one.__name__.rpartition(".")[2])
def test_each_looks_at_every_function_that_it_names(
    speedup: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for index in range(len(speedup.UPSTREAM)):
        changed = list(speedup.UPSTREAM)
        changed[index] = dataclasses.replace(changed[index], digest="0" * DIGITS)
        with monkeypatch.context() as patch, speedups((speedup,)) as names:
            assert names
        with monkeypatch.context() as patch:
            patch.setattr(speedup, "UPSTREAM", tuple(changed))
            with speedups((speedup,)) as names:
                assert names == ()
        assert str(changed[index]) in capsys.readouterr().err


def test_modules_that_are_not_imported_are_not_replaced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = Upstream("executorch.backends.nonesuch", "export", "")
    monkeypatch.setattr(vulkan_patterns, "UPSTREAM", (absent,))
    with speedups((vulkan_patterns,)) as names:
        assert names == ()
    assert capsys.readouterr().err == ""


def test_everything_is_undone() -> None:
    owners = (traceback, torch._export.utils, GraphModule)
    before = [dict(vars(owner)) for owner in owners]
    with speedups():
        assert not gc.isenabled()
        assert all(dict(vars(owner)) != old for owner, old in zip(owners, before))
    assert gc.isenabled()
    for owner, old in zip(owners, before):
        changed = {name for name in old if vars(owner)[name] is not old[name]}
        assert changed <= {"__doc__"}


def _request(lowering: str, stock: bool, **fields: Any) -> ExportRequest:
    request = {
        "model": {
            "name": "tiny",
            "builder": tiny_builder.__name__,
            "inputs": {"image": "float32[1,3,8,8]"},
            "weights": {"source": "seeded"},
        },
        "backend": "xnnpack",
        "lowering": lowering,
        "precision": "fp32",
        "options": {},
        "rewrites": [float_hardsigmoid.__name__],
        **fields,
    }
    fields = {**request, **({"stock": True} if stock else {})}
    return ExportRequest.read(Fields(fields, "a request"))


@pytest.mark.parametrize(
    ("backend", "precision"),
    [
        (portable, "fp32"),
        (xnnpack, "fp32"),
        (vulkan, "fp16"),
        (coreml, "fp16"),
    ],
    ids=lambda value: getattr(value, "__name__", value).rpartition(".")[2],
)
def test_bytes_and_facts_are_those_of_a_stock_export(
    backend: Any, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[str] = []
    real = install.speedups

    def counted() -> Any:
        applied.append("once")
        return real()

    monkeypatch.setattr("pte_foundry.exporting.export.speedups", counted)
    results = [
        export(_request(backend.__name__, stock, precision=precision), tmp_path)
        for stock in (False, True)
    ]
    assert applied == ["once"]
    assert results[0].pte == results[1].pte
    assert results[0].facts == results[1].facts


def test_digests_are_of_the_source_text() -> None:
    (first, *_) = composite_operators.UPSTREAM
    assert len(first.digest) == DIGITS and first.found_digest() == first.digest
    assert dataclasses.replace(first, module="no.such.module").found_digest() == ""
