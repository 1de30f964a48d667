"""Bad input: a clear error with the address and the remedy, exit code 1, nothing in `dist/`."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import zipfile
from pathlib import Path

import pytest

from end_to_end.clone import UserClone

PROGRAM = "models/mobilenet:mobilenet_v3_small_xnnpack"
OTHER = "models/mobilenet:mobilenet_v3_small_portable"
WEIGHTS = "models/mobilenet:mobilenet_v3_small_weights"
BUILD = "models/mobilenet/BUILD"
TOOLCHAINS = "toolchains/BUILD"
SEEDED = "--weights-source=seeded"


def assert_refused(clone: UserClone, arguments: list[str], *expected: str) -> None:
    """`./pants package PROGRAM` with these options fails, says all of `expected`, and writes nothing."""
    clone.clear_dist()
    outcome = clone.run(*arguments, "package", PROGRAM)
    assert outcome.exit_code == 1, outcome.output
    for text in expected:
        assert text in outcome.output, outcome.output
    assert clone.dist_files() == {}


def write_substitutes(folder: Path, file: Path, sha256: str | None = None) -> str:
    """A substitutes file for WEIGHTS; the option that names it."""
    content = file.read_bytes()
    entry = {
        "file": str(file),
        "sha256": sha256 or hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "description": "for a test",
    }
    path = folder / "substitutes.json"
    path.write_text(json.dumps({WEIGHTS: entry}))
    return f"--weights-substitutes={path}"


def test_a_checkpoint_with_another_hash(clone: UserClone, tmp_path: Path) -> None:
    file = tmp_path / "wrong.pth"
    file.write_bytes(b"not what it should be")
    actual = hashlib.sha256(file.read_bytes()).hexdigest()
    option = write_substitutes(tmp_path, file, sha256="ab" * 32)
    assert_refused(clone, [option], WEIGHTS, str(file), actual, "ab" * 32)


def test_a_truncated_checkpoint_in_a_distdir(clone: UserClone, tmp_path: Path) -> None:
    (tmp_path / "mobilenet_v3_small-047dcff4.pth").write_bytes(b"cut off")
    with clone.edited(BUILD, "https://download.pytorch.org/", "https://127.0.0.1:9/"):
        assert_refused(
            clone,
            [f"--weights-distdirs={tmp_path}"],
            WEIGHTS,
            hashlib.sha256(b"cut off").hexdigest(),
            "047dcff4addef86ea5bc2eff13c9614dc11f47ab1160d0a71a25e7db994f4e1f",
            "https://127.0.0.1:9/models/mobilenet_v3_small-047dcff4.pth",
            "--weights-distdirs",
            "--weights-source=seeded",
        )


def test_an_unpinned_checkpoint(clone: UserClone) -> None:
    pin = '    sha256="047dcff4addef86ea5bc2eff13c9614dc11f47ab1160d0a71a25e7db994f4e1f",\n'
    with clone.edited(BUILD, pin, ""):
        assert_refused(clone, [], PROGRAM, WEIGHTS, f"./foundry pin {WEIGHTS}", "seeded")


class Forbidden:
    """Unpickling this would run a command."""

    def __reduce__(self) -> tuple[object, ...]:
        return (shutil.rmtree, ("/nonexistent",))


def test_a_pickle_with_a_forbidden_global(clone: UserClone, tmp_path: Path) -> None:
    file = tmp_path / "evil.pth"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Forbidden(), protocol=2))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
    assert_refused(
        clone, [write_substitutes(tmp_path, file)], PROGRAM, "forbidden-pickle", "shutil.rmtree"
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot be read"),
        ("{", "not valid JSON"),
        ('{"models/mobilenet:nothing": 1}', "expected an object"),
        (
            '{"models/mobilenet:nothing": {"file": "a", "size": 1, "description": "", "sha256": "'
            + "0" * 64
            + '"}}',
            "models/mobilenet:nothing. There are: ",
        ),
    ],
    ids=["missing", "malformed", "wrong-type", "unknown-address"],
)
def test_a_bad_substitutes_file(
    clone: UserClone, tmp_path: Path, content: str | None, expected: str
) -> None:
    path = tmp_path / "substitutes.json"
    if content is not None:
        path.write_text(content)
    assert_refused(clone, [f"--weights-substitutes={path}"], str(path), expected)


def test_a_program_whose_sdk_is_not_set(clone: UserClone) -> None:
    clone.clear_dist()
    outcome = clone.run(SEEDED, "package", "models/mobilenet:mobilenet_v2_qnn")
    assert outcome.exit_code == 1, outcome.output
    assert "models/mobilenet:mobilenet_v2_qnn is unavailable: [qnn] sdk_root" in outcome.output
    assert "Install the Qualcomm AI Engine Direct SDK 2.37" in outcome.output
    assert clone.dist_files() == {}


def test_a_folder_that_is_no_sdk(clone: UserClone, tmp_path: Path) -> None:
    option = f"--qnn-sdk-root={tmp_path}"
    outcome = clone.run(SEEDED, option, "package", "models/mobilenet:mobilenet_v2_qnn")
    assert outcome.exit_code == 1, outcome.output
    assert f"[qnn] sdk_root is {tmp_path}, where sdk.yaml cannot be read" in outcome.output


def test_an_unknown_backend(clone: UserClone) -> None:
    with clone.edited(TOOLCHAINS, 'name="xnnpack"', 'name="another"'):
        assert_refused(clone, [SEEDED], PROGRAM, "`backend`", "toolchains:xnnpack", "portable")


def test_a_precision_that_the_backend_does_not_have(clone: UserClone) -> None:
    with clone.edited(BUILD, '"xnnpack": _WHOLE_GRAPH', '"xnnpack": {"precision": "fp16"}'):
        assert_refused(clone, [SEEDED], PROGRAM, "fp16", "toolchains:xnnpack", "fp32, int8")


def test_int8_without_a_recipe(clone: UserClone) -> None:
    with clone.edited(BUILD, '"xnnpack": _WHOLE_GRAPH', '"xnnpack": {"precision": "int8"}'):
        assert_refused(clone, [SEEDED], PROGRAM, "'int8'", "no `quantization`", "recipes/")


def test_a_precision_that_does_not_exist(clone: UserClone) -> None:
    with clone.edited(BUILD, '"xnnpack": _WHOLE_GRAPH', '"xnnpack": {"precision": "fp17"}'):
        assert_refused(clone, [SEEDED], PROGRAM, "fp17", "'fp16', 'fp32', 'int8'")


def test_a_builder_that_does_not_exist(clone: UserClone) -> None:
    with clone.edited(BUILD, "models/mobilenet.py", "models/nonesuch.py"):
        assert_refused(clone, [SEEDED], PROGRAM, "nonesuch.py")


def test_an_input_shape_that_the_model_rejects(clone: UserClone) -> None:
    with clone.edited(BUILD, "float32[1,3,224,224]", "float32[1,4,224,224]"):
        assert_refused(clone, [SEEDED], PROGRAM, "bad-input-shape", "image", "[1,4,224,224]")


def test_a_missed_delegation_floor(clone: UserClone) -> None:
    rewrite = '    rewrites=["src/python/pte_foundry/rewrites/float_hardsigmoid.py"],\n'
    with clone.edited(TOOLCHAINS, rewrite, ""):
        assert_refused(clone, [SEEDED], PROGRAM, "delegation", "18", "_to_dim_order_copy")


def test_a_portable_program_under_the_name_of_xnnpack(clone: UserClone) -> None:
    with clone.edited(TOOLCHAINS, "backends/xnnpack/lowering.py", "backends/portable/lowering.py"):
        assert_refused(clone, [SEEDED], PROGRAM, "delegation", "XnnpackBackend")


def test_a_program_that_cannot_be_built_fails_its_own_test_and_no_other(clone: UserClone) -> None:
    with clone.edited(BUILD, '"xnnpack": _WHOLE_GRAPH', '"xnnpack": {"precision": "fp16"}'):
        outcome = clone.run(SEEDED, "test", f"{PROGRAM}_test", f"{OTHER}_test")
    assert outcome.exit_code == 1, outcome.output
    assert f"✕ {PROGRAM}_test failed" in outcome.output
    assert f"✓ {OTHER}_test succeeded" in outcome.output
    assert "precision 'fp16' is not one" in outcome.output
