"""Command line: `python -m pte_foundry.indexing.tree_main tree_request.json`.

Writes versions.json, SHA256SUMS, README.md and index.schema.json into the working directory.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from pte_foundry.indexing.schema import INDEX_SCHEMA
from pte_foundry.indexing.sums import sha256sums
from pte_foundry.indexing.tree_readme import tree_readme
from pte_foundry.indexing.tree_request import (
    README,
    SCHEMA,
    SUMS,
    VERSIONS,
    TreeRequest,
    check_tree,
)
from pte_foundry.reporting.command import run_command
from pte_foundry.reporting.json_fields import Fields
from pte_foundry.reporting.json_files import canonical_json, read_json, write_text


def main(arguments: Sequence[str]) -> int:
    """Write the tree's four own files; none of them if the tree is not what its index says."""
    parser = argparse.ArgumentParser(prog="pte_foundry.indexing.tree_main", description=__doc__)
    parser.add_argument("request", type=Path, help="the tree's index and all of its files")
    options = parser.parse_args(arguments)
    request = TreeRequest.read(Fields(read_json(options.request), str(options.request)))
    path = Path(request.index)
    index = Fields(read_json(path), request.index)
    check_tree(request, index, hashlib.sha256(path.read_bytes()).hexdigest())
    texts = {
        README: tree_readme(index),
        SCHEMA: canonical_json(INDEX_SCHEMA),
        VERSIONS: canonical_json(request.versions()),
    }
    sums = {
        **request.files,
        **{name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()},
    }
    # Built before any file is written: a refused path leaves nothing behind.
    texts[SUMS] = sha256sums(sums)
    for name, text in texts.items():
        write_text(Path(name), text)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(lambda: main(sys.argv[1:])))
