from __future__ import annotations

import json
from pathlib import Path

import pytest

from explain.inside.profile_program import ETDUMP, LEAST_RUNS, MOST_RUNS, PROFILE, main
from pte_foundry.exporting.export import export
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields

REQUEST = {
    "model": {
        "name": "tiny",
        "builder": "pte_foundry.testing.tiny_builder",
        "inputs": {"image": "float32[1,3,8,8]"},
        "weights": {"source": "seeded"},
    },
    "backend": "xnnpack",
    "lowering": "pte_foundry.backends.xnnpack.lowering",
    "precision": "fp32",
    "options": {},
    "rewrites": [],
}


def write(folder: Path, **fields: object) -> list[str]:
    """The arguments for a program that is exported with other `fields` of the request."""
    request = {**REQUEST, **fields}
    result = export(ExportRequest.read(Fields(request, "a request")), folder)
    (folder / "request.json").write_text(json.dumps(request))
    (folder / "program.pte").write_bytes(result.pte)
    (folder / "output").mkdir()
    return [str(folder / name) for name in ("request.json", "program.pte", "output")]


def test_each_operator_and_delegate_has_its_time(tmp_path: Path) -> None:
    # Without its rewrite, hardsigmoid leaves operators to the portable kernels.
    assert main(write(tmp_path)) == 0
    found = json.loads((tmp_path / "output" / PROFILE).read_text())
    assert found["threads"] == 1 and LEAST_RUNS <= found["runs"] <= MOST_RUNS
    kinds = {call["kind"] for call in found["calls"]}
    assert kinds == {"delegate", "operator"}
    assert {call["name"] for call in found["calls"] if call["kind"] == "delegate"} == {
        "XnnpackBackend"
    }
    assert any(call["name"].startswith("dim_order_ops::") for call in found["calls"])
    times = [call["milliseconds"] for call in found["calls"]]
    assert min(times) > 0
    assert sum(times) == pytest.approx(found["milliseconds"], rel=0.5)
    assert (tmp_path / "output" / ETDUMP).stat().st_size > 1_000


def test_a_delegate_that_this_runtime_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = {"lowering": "pte_foundry.backends.vulkan.lowering", "precision": "fp16"}
    assert main(write(tmp_path, **fields)) == 1
    told = capsys.readouterr().err
    assert "\npte-foundry: not-executable: the runtime on this machine has no VulkanBackend" in told
    assert "portable or xnnpack" in told
