"""Export a program again and explain it: `python -m explain.inside.explain_export REQUEST OUTPUT [--etrecord]`.

Runs in a copy of an export's sandbox, in its toolchain: REQUEST is the export's own. Into the folder OUTPUT go

    program.pte               the program, with the same bytes as the export's
    explanation.json          see `explanation_json`
    delegated_graph.txt       the edge-dialect graph, with the graphs of its delegates
    selected_operators.yaml   for ExecuTorch's selective build (codegen/tools/gen_oplist.py)
    etrecord.bin              for ExecuTorch's Inspector, with --etrecord
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from executorch.codegen.tools.gen_oplist import gen_oplist  # type: ignore[import-untyped]
from executorch.exir.backend.utils import format_delegated_graph  # type: ignore[import-untyped]

from explain.inside.delegate_calls import delegate_calls
from explain.inside.etrecord_import import skip_package_init
from explain.inside.lowering_record import LoweringRecord, record_lowering
from pte_foundry.errors import PteError
from pte_foundry.exporting.export import ExportResult, export
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields

PROGRAM = "program.pte"
EXPLANATION = "explanation.json"
GRAPH = "delegated_graph.txt"
OPERATORS = "selected_operators.yaml"
ETRECORD = "etrecord.bin"


def explain(request: ExportRequest, root: Path, output: Path, etrecord: bool) -> None:
    """Export, and write the files above into the existing folder `output`.

    root: folder that the request's paths are relative to.

    Raises PteError as `pte_foundry.exporting.export.export` does.
    """
    if etrecord:
        skip_package_init()
    with record_lowering(etrecord) as record:
        result = export(request, root)
    if record.edge is None or record.program is None:
        raise PteError(
            "lowering-failed",
            f"{request.lowering} does not use pte_foundry.backends.lowering.lower_with, without "
            "which nothing can be explained. Use it in the backend module",
        )
    (output / PROGRAM).write_bytes(result.pte)
    graph_module = record.edge.exported_program().graph_module
    _write(output / EXPLANATION, json.dumps(explanation_json(record, result), indent=2))
    _write(output / GRAPH, format_delegated_graph(graph_module))
    # It prints what it reads.
    with contextlib.redirect_stdout(sys.stderr):
        gen_oplist(output / OPERATORS, model_file_path=str(output / PROGRAM))
    if etrecord:
        record.program.get_etrecord().save(str(output / ETRECORD))


def explanation_json(record: LoweringRecord, result: ExportResult) -> dict[str, object]:
    """JSON types only.

    model, lowering, versions  as in the export's facts
    sha256, size               of the .pte
    operators                  edge-dialect operator -> calls, as the first partitioner sees the graph
    delegate_calls             as `DelegateCall`
    left_over                  as `LeftOver`: what no delegate takes
    kernels                    kernel of the .pte -> calls; less than left_over where planning removes copies
    """
    assert record.edge is not None
    facts = result.facts
    delegation = facts["delegation"]
    assert isinstance(delegation, dict)
    return {
        "model": facts["model"],
        "versions": facts["versions"],
        "sha256": hashlib.sha256(result.pte).hexdigest(),
        "size": len(result.pte),
        "operators": record.operators,
        "delegate_calls": [
            asdict(call) for call in delegate_calls(record.edge.exported_program().graph_module)
        ],
        "left_over": [asdict(each) for each in record.left_over],
        "kernels": delegation["undelegated"],
    }


def main(arguments: Sequence[str]) -> int:
    """0, or 1 after a message on stderr."""
    parser = argparse.ArgumentParser(prog="python -m explain.inside.explain_export")
    parser.add_argument("request", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--etrecord", action="store_true")
    options = parser.parse_args(arguments)
    try:
        content = json.loads(options.request.read_text(encoding="utf-8"))
        request = ExportRequest.read(Fields.of(content, options.request.name))
        explain(request, Path.cwd(), options.output, options.etrecord)
    except PteError as error:
        print(f"pte-foundry: {error}", file=sys.stderr)
        return 1
    return 0


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
