"""A fixture for conftest.py of tests that lower: they do it as fast as exports."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pte_foundry.speedups.install import speedups


@pytest.fixture(scope="module", autouse=True)
def fast_lowering() -> Iterator[None]:
    """All speed-ups whose backend the collected tests import.

    Not for longer than a module: they turn the collection of garbage off, and a large process forks slowly.
    """
    with speedups():
        yield
