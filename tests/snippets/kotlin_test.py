"""A compiler checks the Kotlin of pages and documents; what pages have runs against their Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pte_foundry.tree.pages.detection import Detection
from pte_foundry.tree.pages.languages import COMPILED, LANGUAGES
from pte_foundry.tree.pages.preparation import Preparation
from snippets.kotlin import compile_kotlin, run_kotlin
from snippets.snippets import code_of, detections, document_blocks, preparations

STUBS = Path("tests/snippets/stubs/android").absolute()
NEWER = "import org.pytorch.executorch.Module\n"
SIZES = ((480, 636), (641, 479), (100, 77))
"""Height and width of pictures: landscape and portrait, smaller and larger than inputs."""

AROUND = """import org.json.JSONObject
import org.pytorch.executorch.Module
fun block(module: Module) {{
{block}
    println(contract)
}}
"""
MAIN = """
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

fun bytes(name: String): ByteArray = File(name).readBytes()

fun floats(name: String): FloatArray {{
    val values = ByteBuffer.wrap(bytes(name)).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
    return FloatArray(values.remaining()).also {{ values.get(it) }}
}}

fun save(name: String, values: FloatArray) {{
    val buffer = ByteBuffer.allocate(4 * values.size).order(ByteOrder.LITTLE_ENDIAN)
    buffer.asFloatBuffer().put(values)
    File(name).writeBytes(buffer.array())
}}

fun main() {{
    {calls}
}}
"""


class Program:
    """All code of the pages as one program, whose main function reads and writes files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls: list[str] = []
        self.sources: list[Path] = []

    def add(self, shown: Preparation | Detection) -> str:
        """Each snippet is a package. Returns its name."""
        name = f"snippet{len(self.sources)}"
        source = self.folder / f"{name}.kt"
        source.write_text(f"package {name}\n\n{code_of(shown, 'Kotlin')}")
        self.sources.append(source)
        return name

    def compile_and_run(self) -> None:
        main = self.folder / "Main.kt"
        main.write_text(MAIN.format(calls="\n    ".join(self.calls)))
        classes = self.folder / "classes"
        assert compile_kotlin([*self.sources, main], classes) == ""
        run_kotlin(classes, "MainKt", self.folder)


def python_function(shown: Preparation | Detection, name: str) -> Callable[..., Any]:
    module: dict[str, Any] = {}
    exec(compile(code_of(shown, "Python"), f"{name}.py", "exec"), module)  # noqa: S102
    function: Callable[..., Any] = module[name]
    return function


def crowd(detection: Detection) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Overlapping boxes, scores on both sides of the threshold."""
    chance = torch.Generator().manual_seed(detection.rows)
    output = torch.rand(1, detection.rows, detection.cells, generator=chance)
    output[:, :2] *= 640
    output[:, 2:4] = output[:, 2:4] * 60 + 20
    # Few cells see something.
    output[:, 4 : 4 + detection.classes] *= torch.rand(1, 1, detection.cells, generator=chance) ** 8
    values: np.ndarray[Any, np.dtype[np.float32]] = output.numpy()
    return values


def rows(found: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """What the Python returns as one row a box, as the Kotlin's are saved."""
    boxes, scores, labels, *points = found
    columns = [
        boxes,
        scores[:, None],
        labels[:, None],
        *(each.reshape(len(boxes), -1) for each in points),
    ]
    return np.concatenate(columns, 1).astype(np.float32)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, Any, Any]]:
    """Of each run: what the code is for, the Kotlin's values and the Python's."""
    program = Program(tmp_path_factory.mktemp("kotlin"))
    folder = program.folder
    expected: dict[str, tuple[Preparation | Detection, Any]] = {}
    some = preparations()
    for preparation in [*some, replace(some[0], blue_first=True)]:
        name, prepare = program.add(preparation), python_function(preparation, "preprocess")
        for height, width in SIZES:
            chance = torch.Generator().manual_seed(height)
            pixels = torch.randint(0, 256, (height, width, 3), dtype=torch.uint8, generator=chance)
            file = f"{name}_{height}"
            (folder / f"{file}.rgb").write_bytes(pixels.numpy().tobytes())
            program.calls.append(
                f'save("{file}", {name}.preprocess(bytes("{file}.rgb"), {width}, {height}))'
            )
            expected[file] = (preparation, prepare(pixels).numpy())
    for detection in [*detections(), Detection(3, 500, 5, 2)]:
        file, output = program.add(detection), crowd(detection)
        (folder / f"{file}.in").write_bytes(output.tobytes())
        points = " + it.points.toList()" if detection.points else ""
        values = (
            f"listOf(it.left, it.top, it.right, it.bottom, it.score, it.label.toFloat()){points}"
        )
        program.calls.append(
            f'save("{file}", {file}.detections(floats("{file}.in")).flatMap {{ {values} }}.toFloatArray())'
        )
        expected[file] = (detection, rows(python_function(detection, "detections")(output)))
    program.compile_and_run()
    return [
        (shown, np.fromfile(folder / file, "<f4").reshape(-1, *values.shape[1:]), values)
        for file, (shown, values) in expected.items()
    ]


def test_what_the_pages_say_of_languages_holds() -> None:
    assert [each.name for each in LANGUAGES if each.checked == COMPILED] == ["Kotlin"]


def test_pictures_are_prepared_as_by_the_python(outcomes: list[Any]) -> None:
    found = [each for each in outcomes if isinstance(each[0], Preparation)]
    assert {each[0].kind for each in found} == {"shorter-side", "squash", "letterbox"}
    for preparation, values, expected in found:
        level = 1 / 255 / np.array(preparation.std, np.float32).reshape(1, 3, 1, 1)
        difference = np.abs(values - expected)
        # Of levels half-way between two whole ones, some are rounded to the other one.
        assert (difference <= level * 1.001).all(), preparation
        assert (difference > 1e-5).mean() < 0.002, preparation


def test_boxes_are_found_as_by_the_python(outcomes: list[Any]) -> None:
    found = [each for each in outcomes if isinstance(each[0], Detection)]
    assert {bool(each[0].points) for each in found} == {True, False}
    for detection, values, expected in found:
        assert len(expected) > 5, detection
        assert len(values) == len(expected), detection
        assert np.allclose(values, expected, atol=1e-4), detection


def test_the_documents_compile(tmp_path: Path) -> None:
    """Against stubs of Android and ExecuTorch, and of the `Module` of versions whose `loadMethod` returns a code."""
    blocks = document_blocks("kotlin")
    assert len(blocks) == 2, "did a document lose a block, or its mark?"
    sources = []
    for number, block in enumerate(blocks.values()):
        text = block if block.startswith("import ") else AROUND.format(block=block)
        assert NEWER in text
        for version, other in (("newer", NEWER), ("older", "import older.Module\n")):
            source = tmp_path / f"{version}{number}.kt"
            source.write_text(f"package {version}{number}\n{text.replace(NEWER, other)}")
            sources.append(source)
    assert compile_kotlin([*sources, STUBS], tmp_path / "classes") == ""


def test_a_mistake_is_found(tmp_path: Path) -> None:
    source = tmp_path / "Mistake.kt"
    source.write_text('fun number(): Int = ""\n')
    said = compile_kotlin([source], tmp_path / "classes")
    assert "Mistake.kt:1:21: error: return type mismatch: expected 'Int', actual 'String'" in said
