from __future__ import annotations

import gc
import importlib
from collections.abc import Iterator

import pytest

from pte_foundry.heavy_imports import heavy_imports


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_garbage_collection_pauses_in_the_block_and_resumes_after_it() -> None:
    with heavy_imports():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_garbage_collection_resumes_after_an_import_that_fails() -> None:
    with pytest.raises(ImportError), heavy_imports():
        raise ImportError
    assert gc.isenabled()


def test_stock_imports_are_not_replaced() -> None:
    ruamel = importlib.import_module("ruamel.yaml")
    with heavy_imports(stock=True):
        assert ruamel.YAML.__module__ == "ruamel.yaml.main"
    with heavy_imports():
        assert ruamel.YAML.__module__ != "ruamel.yaml.main"
    assert ruamel.YAML.__module__ == "ruamel.yaml.main"
