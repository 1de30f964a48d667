from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.workspace import Workspace
from pte_foundry.validation.request import ValidationRequest


def read(workspace: Workspace) -> ValidationRequest:
    workspace.write()
    return ValidationRequest.read(Fields(workspace.request, "request.json"), workspace.folder)


def test_a_request_brings_its_report_and_labels(workspace: Workspace) -> None:
    request = read(workspace)
    assert request.labels == ("red", "green", "blue")
    assert request.report.declared.model == request.model.name == "colour"
    assert request.photographs["photographs/rose.png"] == "red"


@pytest.mark.parametrize("content", [b"a\nb c", b"a\nb c\n", b"a\r\nb c\r\n"])
def test_labels_are_lines(workspace: Workspace, content: bytes) -> None:
    (workspace.folder / "labels.txt").write_bytes(content)
    assert read(workspace).labels == ("a", "b c")


@pytest.mark.parametrize("name", ["photographs/rose.png", "labels.txt"])
def test_an_absent_file_is_refused_before_any_work(workspace: Workspace, name: str) -> None:
    (workspace.folder / name).unlink()
    with pytest.raises(PteError, match=Path(name).name) as caught:
        read(workspace)
    assert caught.value.kind == "bad-request"


def test_a_report_without_checks_is_refused(workspace: Workspace) -> None:
    workspace.report["checks"] = None
    with pytest.raises(PteError, match="names no checks"):
        read(workspace)


@pytest.mark.parametrize(
    "field",
    [
        "address",
        "model",
        "pte",
        "report",
        "labels",
        "photographs",
        "quantized_export",
        "interpreter",
        "limits",
    ],
)
def test_every_field_is_required(workspace: Workspace, field: str) -> None:
    del workspace.request[field]
    with pytest.raises(PteError, match=f"`{field}` is missing"):
        read(workspace)
