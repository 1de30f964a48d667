"""The results as JSON."""

from __future__ import annotations

import json

from reproduce.command.reproduce import Reproduction


def results_json(results: Reproduction, commit: str, modified: bool) -> str:
    """The file's text. commit, modified: what was built, and whether files of it were changed."""
    document = {
        "commit": commit,
        "modified": modified,
        "programs": results.references,
        "results": [
            {
                "address": result.address,
                "perturbation": result.perturbation,
                "same": result.same,
                "sha256": result.sha256,
                "difference": result.difference,
                "error": result.error,
            }
            for result in results.results
        ],
    }
    return json.dumps(document, indent=2) + "\n"
