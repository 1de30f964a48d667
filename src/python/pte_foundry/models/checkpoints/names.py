"""Names in a checkpoint and in a model: what wrappers put before them, and which are alike."""

from __future__ import annotations

import difflib
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from torch import Tensor

_WRAPPERS = frozenset({"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
"""Modules that DataParallel and DistributedDataParallel, torch.compile, FSDP and activation checkpointing put around
others."""
_AVERAGED = "n_averaged"
"""How many models `torch.optim.swa_utils.AveragedModel` has averaged."""
_DEEPEST = 8
_MOST_COMPARED = 2_000
_LONGEST = 200

Rename = Callable[[str], str]


def fitted(state: Mapping[str, Tensor], expected: Collection[str]) -> OrderedDict[str, Tensor]:
    """`state` under the names of the model, as far as a rule for all names leads there.

    Names lose the components that wrappers put into them, at any place, and what all of them begin with; of the
    ways to do so, the one after which most names are the model's. A file whose names are the model's is left
    alone. The versions of modules that a state_dict has are renamed too.

    Args:
        expected: names in the model's own state_dict.
    """
    kept = dict(state)
    others = [name for name in kept if name != _AVERAGED]
    if _AVERAGED not in expected and all(name.startswith("module.") for name in others):
        kept.pop(_AVERAGED, None)
    rename = max(_renames(list(kept)), key=lambda one: len(set(map(one, kept)) & set(expected)))
    made = OrderedDict((rename(name), value) for name, value in kept.items())
    versions = _versions(state, rename)
    if versions is not None:
        vars(made)["_metadata"] = versions
    return made


def _renames(names: Sequence[str]) -> Iterator[Rename]:
    """The ways to rename all names at once that keep them apart, the least change first."""
    yield str
    unwrapped = [_without_wrappers(name) for name in names]
    for base, changed in ((str, list(names)), (_without_wrappers, unwrapped)):
        if len(set(changed)) != len(names):
            continue
        if base is not str:
            yield base
        for depth in range(1, _common_depth(changed) + 1):
            yield lambda name, base=base, depth=depth: _behind(base(name), depth)  # type: ignore[misc]


def _without_wrappers(name: str) -> str:
    *path, own = name.split(".")
    return ".".join([*(one for one in path if one not in _WRAPPERS), own])


def _behind(name: str, depth: int) -> str:
    return ".".join(name.split(".")[depth:])


def _common_depth(names: Sequence[str]) -> int:
    """With how many components all names begin, the last one of a name not counted."""
    if not names:
        return 0
    # What the first and the last in alphabetical order have in common, all have.
    first, last = (one.split(".")[:-1][:_DEEPEST] for one in (min(names), max(names)))
    depth = 0
    while depth < min(len(first), len(last)) and first[depth] == last[depth]:
        depth += 1
    return depth


def _versions(state: Mapping[str, Tensor], rename: Rename) -> OrderedDict[str, object] | None:
    """`_metadata` of a state_dict: by path of a module, its version, which decides how its values are read."""
    found = getattr(state, "_metadata", None)
    if not isinstance(found, dict):
        return None
    versions: OrderedDict[str, object] = OrderedDict()
    for path, content in found.items():
        version = content.get("version") if isinstance(content, dict) else None
        if isinstance(path, str) and isinstance(version, int):
            # As the name of a value in that module.
            renamed = rename(f"{path}.x" if path else "x")
            versions[renamed.rpartition(".")[0]] = {"version": version}
    return versions


def nearest(name: str, others: Sequence[str]) -> list[str]:
    """The two of `others` that are most like `name`; fewer where none is."""
    if len(name) > _LONGEST:
        return []
    short = [one for one in others[:_MOST_COMPARED] if len(one) <= _LONGEST]
    return difflib.get_close_matches(name, short, n=2, cutoff=0.6)
