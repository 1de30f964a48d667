"""Command line: `python -m pte_foundry.tree.tree_main tree_request.json`.

Writes into the working directory what `WRITTEN_HERE` names: README.md, index.schema.json, versions.json, the bill of
materials, SHA256SUMS, the provenance statement and the pages for browsers, with those of the models and their pictures.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from pte_foundry.confinement.confined import confined
from pte_foundry.index.schema import INDEX_SCHEMA
from pte_foundry.records.command import run_command
from pte_foundry.records.device_result import DeviceResult
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import canonical_json, read_json, write_text
from pte_foundry.records.tree_request import TreeRequest
from pte_foundry.tree import device_results
from pte_foundry.tree.merged_index import merged_index
from pte_foundry.tree.pages.latencies import Latency, read_latencies, read_results
from pte_foundry.tree.pages.pages import catalogue_pages
from pte_foundry.tree.provenance.bill_of_materials import bill_of_materials
from pte_foundry.tree.provenance.statement import provenance_statement
from pte_foundry.tree.sums import sha256sums
from pte_foundry.tree.tree_files import (
    BILL_OF_MATERIALS,
    PROVENANCE,
    README,
    SCHEMA,
    SUMS,
    VERSIONS,
    is_covered,
)
from pte_foundry.tree.tree_readme import tree_readme
from pte_foundry.tree.tree_request import (
    DEVICE_RESULTS,
    LATENCIES,
    check_paths,
    check_tree,
    versions,
)


def main(arguments: Sequence[str]) -> int:
    """Write the tree's own files; none of them if the tree is not what its index says."""
    parser = argparse.ArgumentParser(prog="pte_foundry.tree.tree_main", description=__doc__)
    parser.add_argument("request", type=Path, help="the tree's indexes and all of its files")
    options = parser.parse_args(arguments)
    request = TreeRequest.read(Fields(read_json(options.request), str(options.request)))
    check_paths(request)
    indexes = [Fields(read_json(Path(path)), path) for path in request.indexes]
    hashes = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in request.indexes]
    index = merged_index(indexes)
    check_tree(request, indexes, hashes)
    locks = {path: Path(path).read_bytes() for path in request.origin.lockfiles}
    texts = {
        README: tree_readme(index),
        SCHEMA: canonical_json(INDEX_SCHEMA),
        VERSIONS: canonical_json(versions(request)),
        BILL_OF_MATERIALS: canonical_json(bill_of_materials(request.origin, index, hashes, locks)),
        **catalogue_pages(
            index,
            request.listed,
            _validations(request),
            _latencies(request),
            _device_results(request),
        ),
    }
    files = {**request.files, **{name: _sha256(text) for name, text in texts.items()}}
    texts[SUMS] = sha256sums({path: sha256 for path, sha256 in files.items() if is_covered(path)})
    files[SUMS] = _sha256(texts[SUMS])
    lock_hashes = {path: hashlib.sha256(lock).hexdigest() for path, lock in locks.items()}
    texts[PROVENANCE] = canonical_json(
        provenance_statement(request.origin, index, files, lock_hashes)
    )
    # Not before: a refusal leaves nothing behind.
    for name, text in texts.items():
        Path(name).parent.mkdir(exist_ok=True)
        write_text(Path(name), text)
    return 0


def _validations(request: TreeRequest) -> dict[str, Fields]:
    return {
        each.address: Fields(read_json(Path(each.validation)), each.validation)
        for each in request.listed
    }


def _latencies(request: TreeRequest) -> dict[str, tuple[Latency, ...]]:
    return read_latencies([read_results(file, Path(LATENCIES, file)) for file in request.latencies])


def _device_results(request: TreeRequest) -> tuple[DeviceResult, ...]:
    return tuple(
        result
        for file in sorted(request.device_results)
        for result in device_results.read_results(file, Path(DEVICE_RESULTS, file))
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(confined(lambda: run_command(lambda: main(sys.argv[1:]))))
