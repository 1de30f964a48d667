"""A few programs of the committed indexes that stand for all: real ones, which take minutes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# The older ExecuTorch has the programs for MPS.
INDEXES = (Path("index.json"), Path("index_1_4.json"))


def read_models() -> list[dict[str, Any]]:
    """The programs of both indexes, as these describe them."""
    return [model for path in INDEXES for model in json.loads(path.read_text())["models"]]


def choose(models: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Addresses: of a program for each backend, int8 and not, and for each family. Of families that are used least so
    far, and then small ones.
    """
    families = {model["category"] for model in models}
    of_kind: dict[tuple[str, bool], list[Mapping[str, Any]]] = {}
    for model in models:
        kind = (model["backend"], model["precision"] == "int8")
        of_kind.setdefault(kind, []).append(model)
    used: Counter[str] = Counter()
    chosen = []
    # Those with the least choice first.
    for kind in sorted(of_kind, key=lambda kind: (len(of_kind[kind]), kind)):
        best = min(of_kind[kind], key=lambda model: (used[model["category"]], model["size"]))
        chosen.append(best)
        used[best["category"]] += 1
    for family in sorted(families - used.keys()):
        members = (model for model in models if model["category"] == family)
        chosen.append(min(members, key=lambda model: model["size"]))
    return tuple(sorted(model["address"] for model in chosen))
