"""A fixture for conftest.py of tests that lower: they do it as fast as exports."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pte_foundry.speedups.install import speedups


@pytest.fixture(scope="package", autouse=True)
def fast_lowering() -> Iterator[None]:
    """All speed-ups whose backend the collected tests import."""
    with speedups():
        yield
