from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from executorch.codegen.gen import (  # type: ignore[import-untyped]
    get_custom_build_selector,
)
from executorch.devtools.etrecord import parse_etrecord  # type: ignore[import-untyped]

from explain.inside import explain_export
from explain.inside.explain_export import (
    ETRECORD,
    EXPLANATION,
    GRAPH,
    OPERATORS,
    PROGRAM,
    main,
)
from pte_foundry.exporting.export import export
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.testing import tiny_builder

# Without the rewrite that XNNPACK has for it, hardsigmoid leaves integer scalars.
REQUEST = {
    "model": {
        "name": "tiny",
        "builder": tiny_builder.__name__,
        "inputs": {"image": "float32[1,3,8,8]"},
        "weights": {"source": "seeded"},
    },
    "backend": "xnnpack",
    "lowering": "pte_foundry.backends.xnnpack.lowering",
    "precision": "fp32",
    "options": {},
    "rewrites": [],
}


def test_the_program_and_what_is_said_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("request.json").write_text(json.dumps(REQUEST))
    output = Path("explanation")
    output.mkdir()
    assert main(["request.json", str(output), "--etrecord"]) == 0
    pte = (output / PROGRAM).read_bytes()
    assert pte == export(ExportRequest.read(Fields(REQUEST, "a request")), tmp_path).pte

    said = json.loads((output / EXPLANATION).read_text())
    assert said["size"] == len(pte)
    left = {(each["operator"], each["module"]) for each in said["left_over"]}
    assert left == {("dim_order_ops._to_dim_order_copy.default", "gate")}
    assert list(said["kernels"]) == ["dim_order_ops::_to_dim_order_copy.out"]
    assert sum(call["named_data_bytes"] for call in said["delegate_calls"]) > 0
    assert "backend_id: XnnpackBackend" in (output / GRAPH).read_text()

    builder = get_custom_build_selector(None, str(output / OPERATORS))
    assert builder.is_root_operator("dim_order_ops::_to_dim_order_copy.out")
    assert not builder.is_root_operator("aten::add.out")

    record = parse_etrecord(str(output / ETRECORD))
    assert record.edge_dialect_program is not None
    assert record._delegate_map["forward"]


def test_a_bad_request_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    request = tmp_path / "request.json"
    request.write_text(json.dumps({**REQUEST, "options": {"a": "b"}}))
    assert main([str(request), str(tmp_path)]) == 1
    assert "has no option 'a'" in capsys.readouterr().err


def test_an_etrecord_needs_no_pandas() -> None:
    """Toolchains have none."""
    script = (
        "import sys; sys.modules['pandas'] = None\n"
        "from explain.inside.etrecord_import import skip_package_init\n"
        "skip_package_init()\n"
        "import executorch.devtools.etrecord\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_it_imports_only_what_the_sandbox_of_an_export_has() -> None:
    program = "import sys, pte_foundry.exporting.export; print(*sys.modules)"
    exported = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    imported = {
        node.module
        for path in Path(explain_export.__file__).parent.glob("*.py")
        if not path.name.endswith("_test.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    ours = {name for name in imported if name.startswith("pte_foundry.")}
    assert ours and ours <= {*exported}
