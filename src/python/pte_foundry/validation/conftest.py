from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.exporting.export import ExportResult
from pte_foundry.testing.fast_lowering import fast_lowering
from pte_foundry.testing.workspace import Workspace, export_colours, make_workspace

__all__ = ["fast_lowering"]


@pytest.fixture(scope="session")
def xnnpack(tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    return export_colours(tmp_path_factory.mktemp("xnnpack"), "xnnpack")


@pytest.fixture(scope="session")
def portable(tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    return export_colours(tmp_path_factory.mktemp("portable"), "portable")


@pytest.fixture(scope="session")
def vulkan(tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    return export_colours(tmp_path_factory.mktemp("vulkan"), "vulkan")


@pytest.fixture()
def workspace(tmp_path: Path, xnnpack: ExportResult) -> Workspace:
    """A good XNNPACK program of the colour classifier, with everything that belongs to it."""
    return make_workspace(tmp_path, xnnpack)


@pytest.fixture()
def gpu(tmp_path: Path, vulkan: ExportResult) -> Workspace:
    """A good Vulkan program of the colour classifier, which no machine that runs tests can execute."""
    made = make_workspace(tmp_path, vulkan, "vulkan")
    made.request["interpreter"] = "pte_foundry.backends.vulkan.program"
    made.report["checks"].update(min_cosine=0.9999, max_abs_difference=0.02)
    return made
