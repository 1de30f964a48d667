"""Every collection of hostile inputs, and how the inputs of one ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.testing.hostile import (
    client_campaign,
    hostile_answers,
    odd_checkpoints,
    odd_scripts,
    tree_campaign,
)
from pte_foundry.testing.hostile.campaign import run_campaign
from pte_foundry.testing.hostile.endings import ESCAPED, RAN, WRONG, Tried, totals
from pte_foundry.testing.hostile.exported_fuzz import attack_exported
from pte_foundry.testing.workspace import export_colours

# In a collection's own words, endings that must not occur.
BAD = frozenset({ESCAPED, RAN, WRONG})


@dataclass(frozen=True)
class Ended:
    """How the inputs of one collection ended.

    Attributes:
        endings: for each ending, the number of inputs.
        bad: the inputs that got through, each with its outcome.
    """

    endings: Counter[str]
    bad: tuple[str, ...] = ()

    @property
    def tried(self) -> int:
        return sum(self.endings.values())

    def __str__(self) -> str:
        endings = ", ".join(f"{count} {name}" for name, count in self.endings.most_common())
        return f"{self.tried} tried, {len(self.bad)} got through: {endings}"


def _of_tried(tried: list[Tried]) -> Ended:
    bad = tuple(f"{one.name}: {one.ended}: {one.detail}" for one in tried if one.ended in BAD)
    return Ended(totals(tried), bad)


def _of_counter(endings: Counter[str], mark: str) -> Ended:
    bad = tuple(f"{count} x {name}" for name, count in endings.items() if name.startswith(mark))
    return Ended(endings, bad)


def exported_programs(folder: Path, scale: int) -> Ended:
    tally = attack_exported(folder, 20 * scale, seed=1)
    failed = Counter(one.partition(":")[0] for one in tally.failures)
    return Ended(tally.ends + failed, tuple(tally.failures))


def checkpoints(folder: Path, scale: int) -> Ended:
    return _of_tried(odd_checkpoints.attack(folder, damaged_of_each=2 * scale))


def scripts(folder: Path, scale: int) -> Ended:
    return _of_tried(odd_scripts.attack(folder, damaged_scripts=scale))


def trees_read_by_the_client(_: Path, scale: int) -> Ended:
    return _of_counter(client_campaign.run_campaign(0, 10 * scale), client_campaign.BAD)


def trees_verified(_: Path, scale: int) -> Ended:
    return _of_counter(tree_campaign.run_campaign(0, 5 * scale), tree_campaign.BAD)


def answers_of_children(_: Path, scale: int) -> Ended:
    """Anything but a PteError ends the campaign with its traceback."""
    return Ended(hostile_answers.answers(0, 10 * scale))


def programs(folder: Path, scale: int) -> Ended:
    """What leaves `validate()` as an exception ends the campaign with its traceback."""
    exported = {}
    for backend in ("xnnpack", "portable", "vulkan"):
        (folder / f"{backend}-export").mkdir()
        exported[backend] = export_colours(folder / f"{backend}-export", backend)
    return Ended(run_campaign(folder, exported, 0, 10 * scale).outcomes)


COLLECTIONS: Mapping[str, Callable[[Path, int], Ended]] = {
    ".pt2 files": exported_programs,
    "checkpoints": checkpoints,
    "TorchScript files": scripts,
    "published trees, read by the client": trees_read_by_the_client,
    "published trees, verified": trees_verified,
    "answers of processes that read bytes": answers_of_children,
    "programs, validated": programs,
}
