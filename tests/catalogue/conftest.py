"""This machine's browser, and a catalogue for it to show."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from pte_foundry.testing.sample_latencies import sample_results
from pte_foundry.testing.sample_tree import sample_pages

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium or Chrome, at the path in `CHROMIUM` or on the PATH; no lock has one."""
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip(
            f"no browser: none of {', '.join(_NAMES)} is on the PATH. Install one (on Debian: apt-get install "
            "chromium) or set CHROMIUM to the path of one"
        )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found)
        yield chromium
        chromium.close()


def _richer(index: Any, listed: Any, validations: Any) -> None:
    """The portable program is only for Linux, and the other one for all platforms; the input is a picture."""
    for model in index["models"]:
        model["inputs"][0]["normalisation"] = {
            "colour": "RGB",
            "mean": [0.5, 0.5, 0.5],
            "resize": "to 224x224 whatever the aspect ratio, bilinear with antialiasing",
            "scale": "1/255",
            "std": [0.5, 0.5, 0.5],
        }
        if model["backend"] == "portable":
            model["platforms"] = ["linux"]
        model["weights"]["source"] = "seeded"


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the pages of two programs of one model."""
    folder = tmp_path_factory.mktemp("catalogue")
    for path, text in sample_pages(_richer, sample_results()).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder
