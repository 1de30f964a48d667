"""The ExecuTorch before the present one: its toolchain, and whether the two runtimes run each other's programs."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from end_to_end.clone import UserClone
from end_to_end.kept_toolchain import toolchain_of

SEEDED = "--weights-source=seeded"
OLDER, PRESENT = "1.4.1", "1.5.1"
MPS = "models/mobilenet:mobilenet_v3_small_mps"
# Of each family, backend and kind of precision that the runtime on Linux executes. What came out: docs/upgrading.md.
PROGRAMS = (
    "models/mobilenet:mobilenet_v3_small_portable",
    "models/mobilenet:mobilenet_v3_small_xnnpack",
    "models/mobilenet:mobilenet_v3_small_int8_xnnpack",
    "models/yolo:yolo11n_portable",
    "models/yolo:yolo11n_xnnpack",
    "models/yolo:yolo11n_int8_xnnpack",
    "models/pe_core:pe_core_t16_384_xnnpack",
    "models/pe_core:pe_core_t16_384_int8_xnnpack",
)
# Nothing else of the environment of this test: it has another ExecuTorch.
PYTEST = ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "attr", "attrs", "py", "tomli")
RUN = """\
import json, sys
import executorch.version, torch
from executorch.runtime import Runtime

report, *programs = sys.argv[1:]
found = {}
for path in programs:
    # The path: from 1.5 on the runtime does not keep bytes.
    method = Runtime.get().load_program(path).load_method("forward")
    info = method.metadata.input_tensor_meta(0)
    torch.manual_seed(0)
    (first, *_) = method.execute([torch.rand(tuple(info.sizes()))])
    found[path] = [float(first.double().norm()), first.double().flatten()[:1000].tolist()]
json.dump({"version": executorch.version.__version__, "outputs": found}, open(report, "w"))
"""


def test_the_librarys_tests_of_what_only_the_older_one_has(clone: UserClone) -> None:
    toolchain = toolchain_of(clone, MPS)
    sources = toolchain.sandbox / "src/python"
    shutil.rmtree(sources)
    shutil.copytree(clone.root / "src/python", sources)
    for tool in ("explain", "operator_table"):
        shutil.copytree(clone.root / "tools" / tool, sources / tool)
    (toolchain.sandbox / "docs").mkdir()
    shutil.copy("docs/operators.md", toolchain.sandbox / "docs")
    for name in PYTEST:
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None, name
        shutil.copytree(Path(spec.origin).parent, sources / name)
    tests = (
        "src/python/pte_foundry/backends/mps",
        "src/python/explain/inside/mps_reason_test.py",
        "src/python/operator_table/inside/mps_test.py",
    )
    said = toolchain.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    passed = re.search(r"(\d+) passed", said)
    assert passed is not None and int(passed[1]) > 25, said
    assert not re.search(r"skipped|deselected", said), said


@contextmanager
def older(clone: UserClone) -> Iterator[None]:
    """All backends of the toolchain `executorch` are those of the older version."""
    build = clone.root / "toolchains/BUILD"
    text = build.read_text()
    assert text.count('resolve="executorch"') >= 2
    build.write_text(text.replace('resolve="executorch"', 'resolve="executorch_1_4"'))
    try:
        yield
    finally:
        build.write_text(text)


@pytest.fixture(scope="module")
def outputs(
    clone: UserClone, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, list[float]]]:
    """Version of the runtime -> program, named `VERSION/FILE` by the version that made it -> norm and output."""
    made = tmp_path_factory.mktemp("programs")
    toolchains = {}

    def build(version: str) -> None:
        outcome = clone.run(SEEDED, "package", *PROGRAMS)
        assert outcome.exit_code == 0, outcome.output
        (made / version).mkdir()
        for path, content in clone.dist_files().items():
            if path.endswith(".pte"):
                (made / version / Path(path).name).write_bytes(content)
        toolchains[version] = toolchain_of(clone, PROGRAMS[1])

    clone.clear_dist()
    build(PRESENT)
    clone.clear_dist()
    with older(clone):
        build(OLDER)
    files = sorted(made.rglob("*.pte"))
    assert len(files) == 2 * len(PROGRAMS)
    found = {}
    for version, toolchain in toolchains.items():
        (toolchain.sandbox / "run_programs.py").write_text(RUN)
        report = made / f"{version}.json"
        toolchain.run("run_programs.py", str(report), *map(str, files))
        said = json.loads(report.read_text())
        assert said["version"].startswith(version)
        found[version] = {
            str(Path(path).relative_to(made)): [norm, *values]
            for path, (norm, values) in said["outputs"].items()
        }
    return found


@pytest.mark.parametrize("made_by", [OLDER, PRESENT])
@pytest.mark.parametrize("program", PROGRAMS)
def test_each_runtime_runs_the_programs_of_both(
    outputs: dict[str, dict[str, list[float]]], made_by: str, program: str
) -> None:
    file = f"{made_by}/{program.partition(':')[2]}.pte"
    first, second = (outputs[version][file] for version in (OLDER, PRESENT))
    assert first[0] > 0
    # A quantized value may round the other way.
    assert second == pytest.approx(
        first, rel=0.05 if "int8" in program else 1e-3, abs=first[0] * 1e-2
    )
