from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pte_foundry.errors import PteError
from pte_foundry.evaluation.main import main
from pte_foundry.evaluation.task import CLASSIFY, Task
from pte_foundry.testing.workspace import export_colours, model_request, write_checkpoint

COLOURS = {"red": 0, "lime": 1, "blue": 2}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return {
        backend: export_colours(tmp_path_factory.mktemp(backend), backend).pte
        for backend in ("portable", "xnnpack", "vulkan")
    }


@pytest.fixture()
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """SHA-256 -> path. The working directory has the checkpoint."""
    monkeypatch.chdir(tmp_path)
    write_checkpoint(tmp_path)
    found = {}
    for colour in COLOURS:
        path = tmp_path / f"{colour}.png"
        Image.new("RGB", (20, 30), colour).save(path)
        found[hashlib.sha256(path.read_bytes()).hexdigest()] = str(path)
    return found


def run(pictures: dict[str, str], pte: bytes | None, **changes: Any) -> list[dict[str, Any]]:
    if pte is not None:
        Path("program.pte").write_bytes(pte)
    request = {
        "model": model_request(),
        "task": Task(CLASSIFY, 3).to_json(),
        "pte": None if pte is None else "program.pte",
        "interpreter": None,
        "options": {},
        "threads": 1,
        "pictures": pictures,
        **changes,
    }
    Path("request.json").write_text(json.dumps(request))
    said = io.StringIO()
    assert main(["request.json"], said) == 0
    return [json.loads(line) for line in said.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("backend", "how"),
    [
        (None, "eager"),
        ("portable", "executed"),
        ("xnnpack", "executed"),
        ("vulkan", "interpreted"),
    ],
)
def test_each_picture_has_an_answer(
    programs: dict[str, bytes], pictures: dict[str, str], backend: str | None, how: str
) -> None:
    pte = None if backend is None else programs[backend]
    first, *said = run(pictures, pte, interpreter="pte_foundry.backends.vulkan.program")
    assert first == {"runs": how}
    assert [each["picture"] for each in said] == list(pictures)
    assert [each["answer"][0] for each in said] == list(COLOURS.values())
    assert all(len(each["answer"]) == 3 for each in said)


def test_a_program_that_nothing_here_runs(
    programs: dict[str, bytes], pictures: dict[str, str]
) -> None:
    (said,) = run(pictures, programs["vulkan"])
    assert "has no VulkanBackend, and nothing here interprets" in said["refused"]


def test_a_picture_that_has_changed(programs: dict[str, bytes], pictures: dict[str, str]) -> None:
    Path("red.png").write_bytes(Path("blue.png").read_bytes())
    with pytest.raises(PteError, match="red.png: has changed since it was read first"):
        run(pictures, programs["portable"])


def test_a_program_that_is_broken(programs: dict[str, bytes], pictures: dict[str, str]) -> None:
    # It still parses, but its delegate does not know its payload.
    spoilt = programs["xnnpack"].replace(b"XN00", b"XN99").replace(b"XH00", b"XH99")
    assert spoilt != programs["xnnpack"]
    with pytest.raises(PteError):
        run(pictures, spoilt)
