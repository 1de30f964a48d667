from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.exporting import main
from pte_foundry.rewrites import float_hardsigmoid
from pte_foundry.testing import tiny_builder

_CACHE_OF_TORCH = "TORCHINDUCTOR_CACHE_DIR"


def _request(**changes: object) -> dict[str, Any]:
    return {
        "model": {
            "name": "tiny",
            "builder": tiny_builder.__name__,
            "inputs": {"image": "float32[1,3,8,8]"},
            "weights": {"source": "seeded"},
        },
        "backend": "xnnpack",
        "lowering": xnnpack.__name__,
        "precision": "fp32",
        "options": {},
        "rewrites": [float_hardsigmoid.__name__],
        **changes,
    }


def _run(folder: Path, request: str, **environment: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    (folder / "export_request.json").write_text(request)
    # Torch has set it here, to a folder that no confined process has.
    inherited = {name: each for name, each in os.environ.items() if name != _CACHE_OF_TORCH}
    return subprocess.run(
        [sys.executable, "-m", main.__name__, "export_request.json"]
        + ["--pte", "program.pte", "--facts", "facts.json"],
        cwd=folder,
        env={**inherited, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_bytes_do_not_depend_on_folder_hash_seed_or_cpu(tmp_path: Path) -> None:
    runs = {
        "one": {"PYTHONHASHSEED": "1", "ATEN_CPU_CAPABILITY": "default"},
        "another folder": {"PYTHONHASHSEED": "2", "ATEN_CPU_CAPABILITY": "avx2"},
    }
    for name, environment in runs.items():
        run = _run(tmp_path / name, json.dumps(_request()), **environment)
        assert run.returncode == 0, run.stderr
        assert "stage: lowering with pte_foundry.backends.xnnpack.lowering" in run.stderr
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == [
            "export_request.json",
            "facts.json",
            "program.pte",
        ]
    first, second = (tmp_path / name for name in runs)
    for file in ("program.pte", "facts.json"):
        assert (first / file).read_bytes() == (second / file).read_bytes()
    text = (first / "facts.json").read_text()
    facts = json.loads(text)
    assert text == json.dumps(facts, indent=2, sort_keys=True) + "\n"
    pte = (first / "program.pte").read_bytes()
    assert facts["pte"]["sha256"] == hashlib.sha256(pte).hexdigest()
    assert str(tmp_path) not in text and str(tmp_path).encode() not in pte


@pytest.mark.parametrize(
    ("request_text", "kind"),
    [
        ("{", "bad-request"),
        (json.dumps(_request(precision=7)), "bad-request"),
        (json.dumps(_request(precision="int4")), "unsupported-precision"),
    ],
)
def test_expected_errors_are_one_line_without_traceback_and_leave_no_output(
    tmp_path: Path, request_text: str, kind: str
) -> None:
    run = _run(tmp_path, request_text)
    assert run.returncode == 1
    assert run.stderr.strip().splitlines()[-1].startswith(f"pte-foundry: {kind}: ")
    assert "Traceback" not in run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["export_request.json"]


def test_a_failing_lowering_shows_where_before_its_message(tmp_path: Path) -> None:
    (tmp_path / "broken_rewrite.py").write_text("def rewrite(module, inputs):\n    return 1 / 0\n")
    run = _run(tmp_path, json.dumps(_request(rewrites=["broken_rewrite"])))
    assert run.returncode == 1
    before, found, message = run.stderr.rpartition("pte-foundry: lowering-failed: ")
    assert found and len(message.splitlines()) == 1 and "division by zero" in message
    assert "Traceback" in before and "return 1 / 0" in before


def test_unexpected_errors_keep_their_traceback(tmp_path: Path) -> None:
    (tmp_path / "broken_builder.py").write_text("import no_such_distribution\n")
    request = _request()
    request["model"]["builder"] = "broken_builder"
    run = _run(tmp_path, json.dumps(request))
    assert run.returncode == 1
    assert "Traceback" in run.stderr and "no_such_distribution" in run.stderr
