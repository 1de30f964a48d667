"""Bad input: a clear error with the address and the remedy, exit code 1, nothing in `dist/`.

Errors that the plugin finds before an export are tested in memory, beside the plugin.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from end_to_end.clone import UserClone
from remote_cache import tiny_program

FOLDER = "models/bad"
_BUILD = """
model_weights(name="evil_weights", file="evil.pth", sha256="{sha256}", size={size}, license="MIT")

# A backend's name without what belongs to it.
pte_backend(
    name="disguised",
    resolve="executorch",
    lowering=["src/python/pte_foundry/backends/portable/lowering.py"],
    delegate="XnnpackBackend",
    platforms=["linux"],
    summary="Portable under the name of XNNPACK.",
)
pte_backend(
    name="unaided",
    resolve="executorch",
    lowering=["src/python/pte_foundry/backends/xnnpack/lowering.py"],
    delegate="XnnpackBackend",
    platforms=["linux"],
    summary="XNNPACK without the rewrite of hardsigmoid.",
)
"""
_PROGRAM = """
pte_program(
    name="{name}",
    model="tiny",
    weights=["{weights}"],
    builder=["{builder}"],
    builder_resolve="timm",
    inputs={{"image": "{shape}"}},
    backend=["{backend}"],
    max_undelegated_operators={most},
)
pte_test(
    name="{name}_test",
    program=[":{name}"],
    max_size_ratio=5.0,
    max_planned_memory_ratio=1.5,
)
"""
# What is wrong with each program, and what the error says; nothing is wrong with the first.
_FAULTS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "good": ({}, ()),
    "pickle": ({"weights": f"{FOLDER}:evil_weights"}, ("forbidden-pickle", "shutil.rmtree")),
    "shape": ({"shape": "float32[1,4,8,8]"}, ("bad-input-shape", "image", "[1,4,8,8]")),
    "renamed": ({"backend": f"{FOLDER}:disguised"}, ("delegation", "XnnpackBackend")),
    "bare": ({"backend": f"{FOLDER}:unaided"}, ("delegation", "_to_dim_order_copy")),
}


class Forbidden:
    """Unpickling this would run a command."""

    def __reduce__(self) -> tuple[object, ...]:
        return (shutil.rmtree, ("/nonexistent",))


def evil_checkpoint() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Forbidden(), protocol=2))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
    return content.getvalue()


@contextmanager
def declared(root: Path, checkpoints: Path) -> Iterator[str]:
    """Adds the programs to the clone for a `with` block; yields the option that names their checkpoints."""
    tiny_program.declare(root)
    option = tiny_program.write_checkpoint(checkpoints)
    evil = evil_checkpoint()
    (checkpoints / "evil.pth").write_bytes(evil)
    text = _BUILD.format(sha256=hashlib.sha256(evil).hexdigest(), size=len(evil))
    for name, (changes, _) in _FAULTS.items():
        fields = {
            "weights": "models/tiny:tiny_weights",
            "builder": tiny_program.BUILDER,
            "shape": "float32[1,3,8,8]",
            "backend": "toolchains:xnnpack",
            "most": "0" if name == "bare" else "None",
            **changes,
        }
        text += _PROGRAM.format(name=name, **fields)
    (root / FOLDER).mkdir()
    (root / FOLDER / "BUILD").write_text(text)
    try:
        yield option
    finally:
        for folder in (FOLDER, Path(tiny_program.PTE).parent):
            shutil.rmtree(root / folder)


def test_a_program_that_cannot_be_built_fails_its_own_test_and_no_other(
    clone: UserClone, tmp_path: Path
) -> None:
    with declared(clone.root, tmp_path) as option:
        outcome = clone.run(option, "test", f"{FOLDER}::")
    assert outcome.exit_code == 1, outcome.output
    assert f"✓ {FOLDER}:good_test succeeded" in outcome.output, outcome.output
    for name, (_, expected) in _FAULTS.items():
        if not expected:
            continue
        assert f"✕ {FOLDER}:{name}_test failed" in outcome.output, outcome.output
        said = [line for line in outcome.output.splitlines() if f"{FOLDER}:{name}" in line]
        for text in expected:
            assert any(text in line for line in said), f"{name}: {text}\n{outcome.output}"


def test_a_checkpoint_with_another_hash(clone: UserClone, tmp_path: Path) -> None:
    program = "models/mobilenet:mobilenet_v3_small_xnnpack"
    weights = "models/mobilenet:mobilenet_v3_small_weights"
    file, substitutes = tmp_path / "wrong.pth", tmp_path / "substitutes.json"
    file.write_bytes(b"not what it should be")
    actual = hashlib.sha256(file.read_bytes()).hexdigest()
    entry = {
        "file": str(file),
        "sha256": "ab" * 32,
        "size": file.stat().st_size,
        "description": "for a test",
    }
    substitutes.write_text(json.dumps({weights: entry}))
    clone.clear_dist()
    outcome = clone.run(f"--weights-substitutes={substitutes}", "package", program)
    assert outcome.exit_code == 1, outcome.output
    for text in (weights, str(file), actual, "ab" * 32):
        assert text in outcome.output, outcome.output
    assert clone.dist_files() == {}
