"""A changed lockfile affects the programs of its backend or family, and no others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from end_to_end.clone import UserClone

# What is built or tested for a program.
PRODUCTS = "pte_program,pte_test,model_index,model_index_test,model_tree"
OF_ALL = {"//:index", "//:index_test", "//:tree"}
PERMISSIVE = {"//:index_permissive", "//:tree_permissive"}
# Of the programs for an older ExecuTorch.
OLDER, OLDER_PERMISSIVE = {"//:index_1_4"}, {"//:index_1_4_permissive"}


@pytest.fixture(scope="module")
def targets(clone: UserClone, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """All targets of the repository, as `./pants peek` describes them."""
    file = tmp_path_factory.mktemp("peek") / "targets.json"
    outcome = clone.run("peek", f"--output-file={file}", "::")
    assert outcome.exit_code == 0, outcome.output
    targets: list[dict[str, Any]] = json.loads(file.read_text())
    return targets


def changed(clone: UserClone, file: Path) -> set[str]:
    """The programs, tests, indexes and trees that the working copy's edits affect."""
    outcome = clone.run(
        "--changed-since=HEAD",
        "--changed-dependents=transitive",
        f"--filter-target-type={PRODUCTS}",
        "list",
        f"--output-file={file}",
    )
    assert outcome.exit_code == 0, outcome.output
    # Pants writes no file if there is nothing to list.
    return set(file.read_text().split()) if file.exists() else set()


def _backend(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda program: bool(program["backend"] == [f"//toolchains:{name}"])


def _family(resolve: str) -> Callable[[dict[str, Any]], bool]:
    return lambda program: bool(program["builder_resolve"] == resolve)


def _of(toolchains: str) -> Callable[[dict[str, Any]], bool]:
    return lambda program: str(program["backend"]).startswith(f"['{toolchains}:")


@pytest.mark.parametrize(
    ("package", "lock", "of_its_toolchain", "aggregates"),
    [
        ("coremltools", "coreml", _backend("coreml"), OF_ALL | PERMISSIVE),
        # No program of this family is in the permissive index.
        ("ultralytics", "ultralytics", _family("ultralytics"), OF_ALL | OLDER),
        ("timm", "timm", _family("timm"), OF_ALL | PERMISSIVE | OLDER | OLDER_PERMISSIVE),
        # An older ExecuTorch, and the next one, beside the present one.
        (
            "executorch",
            "executorch_1_4",
            _of("//toolchains/executorch_1_4"),
            (OF_ALL | PERMISSIVE | OLDER | OLDER_PERMISSIVE) - {"//:index", "//:index_permissive"},
        ),
        ("executorch", "executorch_next", _of("//toolchains/next"), {"toolchains/next:index"}),
    ],
)
def test_an_upgrade_affects_its_own_programs(
    clone: UserClone,
    targets: list[dict[str, Any]],
    tmp_path: Path,
    package: str,
    lock: str,
    of_its_toolchain: Callable[[dict[str, Any]], bool],
    aggregates: set[str],
) -> None:
    programs = [target for target in targets if target["target_type"] == "pte_program"]
    affected = {program["address"] for program in programs if of_its_toolchain(program)}
    assert 0 < len(affected) < len(programs)
    tests = {f"{address}_test" for address in affected}
    assert tests <= {target["address"] for target in targets if target["target_type"] == "pte_test"}
    path = f"3rdparty/python/{lock}.lock"
    with clone.edited(path, f"{package}==", f"{package}==999."):
        assert changed(clone, tmp_path / "list") == {*affected, *tests, *aggregates}


def test_without_an_edit_nothing_is_affected(clone: UserClone, tmp_path: Path) -> None:
    assert changed(clone, tmp_path / "list") == set()
