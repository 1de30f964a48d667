"""Each file of the repository has a licence, and each licence its text: https://reuse.software."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from reuse.cli.main import main


def lint(root: Path) -> Result:
    return CliRunner().invoke(main, ["--root", str(root), "lint"])


def test_all_files_are_licensed() -> None:
    result = lint(Path())
    assert result.exit_code == 0, result.output
    used = "* Used licenses: AGPL-3.0-only, Apache-2.0, BSD-3-Clause"
    assert used in result.output.splitlines(), result.output


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (("LICENSES/BSD-3-Clause.txt",), "Missing licenses: BSD-3-Clause"),
        (
            ("models/yolo/labels.txt", "models/yolo_pose/pose_labels.txt"),
            "Unused licenses: AGPL-3.0-only",
        ),
        (("REUSE.toml",), "Files with license information: 0 / "),
    ],
)
def test_what_is_missing_is_found(tmp_path: Path, broken: tuple[str, ...], message: str) -> None:
    for name in ("LICENSES", "models", "src/python/pte_foundry/models"):
        shutil.copytree(name, tmp_path / name)
    shutil.copy("REUSE.toml", tmp_path)
    assert lint(tmp_path).exit_code == 0
    for name in broken:
        (tmp_path / name).unlink()
    result = lint(tmp_path)
    assert result.exit_code == 1
    assert message in result.output
