"""A confined process writes no bytecode, not even where the kernel would let it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.testing.canary import LANDLOCK, NAMESPACES, run_canary


@pytest.mark.parametrize("without", [(), (LANDLOCK,), (NAMESPACES, LANDLOCK)])
def test_an_import_leaves_its_folder_alone(
    tmp_path: Path, without: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    packages, sandbox = tmp_path / "packages", tmp_path / "sandbox"
    for folder in (packages, sandbox):
        folder.mkdir()
        (folder / f"of_{folder.name}.py").write_text("")
    monkeypatch.syspath_prepend(packages)
    monkeypatch.syspath_prepend(sandbox)
    # As in a PEX, which ignores this variable.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    run = run_canary(sandbox, "import of_packages, of_sandbox", without)
    assert run.returncode == 0, run.stderr
    assert list(tmp_path.rglob("*.pyc")) == []
