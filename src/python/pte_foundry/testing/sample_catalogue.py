"""The pages of the sample tree, for tests."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import canonical_json, read_json
from pte_foundry.records.tree_request import Listed
from pte_foundry.testing.sample_latencies import FILE
from pte_foundry.testing.sample_tree import PROGRAMS, write_tree_inputs
from pte_foundry.tree.pages.latencies import read_latencies
from pte_foundry.tree.pages.pages import catalogue_pages

Spoil = Callable[[Any, Any, Any], None]


@cache
def _texts() -> tuple[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        write_tree_inputs(Path(folder))
        index = read_json(Path(folder, "index.json"))
        validations = {
            program["address"]: read_json(Path(folder, program["validation"]))
            for program in PROGRAMS
        }
    return canonical_json(index), canonical_json(validations)


def sample_parts() -> tuple[Any, Any, Any]:
    """Fresh copies of the index, of what is listed beside it, and of the validations by address."""
    index, validations = map(json.loads, _texts())
    return index, [dict(program) for program in PROGRAMS], validations


def sample_pages(
    spoil: Spoil | None = None, results: Mapping[str, object] | None = None
) -> dict[str, str]:
    """The pages, after `spoil` has changed its three arguments, which are those of `sample_parts`.

    Args:
        results: what `foundry bench` measured.
    """
    index, listed, validations = sample_parts()
    if spoil is not None:
        spoil(index, listed, validations)
    return catalogue_pages(
        Fields(index, "index.json"),
        [Listed.read(Fields(each, "listed")) for each in listed],
        {address: Fields(each, address) for address, each in validations.items()},
        {} if results is None else read_latencies([Fields(results, FILE)]),
    )
