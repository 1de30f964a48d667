"""Whether a payload holds the model's weights, all of them and nothing else.

Parity of outputs does not show a weight that is slightly wrong, or one that the inputs do not reach. Here
every constant of at least `SMALLEST` elements is compared: each that the model uses has to be in the
payload, and each in the payload has to be one of the model's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from pte_foundry.backends.content import Constant
from pte_foundry.validation.case import Outcome
from pte_foundry.validation.payload_weights.matching import Match, match_constants
from pte_foundry.validation.payload_weights.model_constants import ModelConstant, ModelConstants

SMALLEST = 16
"""Elements; smaller ones are bounds of an activation, or biases, which parity sees."""

_SHOWN = 3
_REBUILD = "Build the program again from the checkpoint that the test names"


def weights_outcome(
    stored: Sequence[Constant],
    model: ModelConstants,
    decomposed: Callable[[], Sequence[ModelConstant]] = tuple,
) -> Outcome:
    """Compare within rounding, see `matching`.

    For a constant that was computed from others, those may be stored instead. A stored constant that repeats
    a single number, such as the bias that a converter adds to a convolution without one, needs no counterpart
    in the model; nor can it hide a weight, which would then be missing.

    Args:
        decomposed: finds further constants that may be stored; asked if the model's own do not explain all.
    """
    large = [one for one in stored if one.values.numel() >= SMALLEST]
    matches = match_constants(large, (*model.used, *model.others))
    if any(map(_is_strange, matches)):
        matches = match_constants(large, (*model.used, *model.others, *decomposed()))
    found = {name for match in matches for name in match.models}
    wanted = [one for one in model.used if one.values.numel() >= SMALLEST]
    missing = [one.name for one in wanted if not _is_stored(one, found)]
    strange = [match.stored.name for match in matches if _is_strange(match)]
    problems = []
    if missing:
        problems.append(
            f"{len(missing)} of the model's {len(wanted)} constants are not in the payload: "
            f"{_listed(missing)}. {_REBUILD}"
        )
    if strange:
        problems.append(
            f"{len(strange)} of the payload's {len(large)} constants are not the model's: "
            f"{_listed(strange)}. {_REBUILD}"
        )
    floats = [match for match in matches if match.stored.scale is None]
    integers = [match for match in matches if match.stored.scale is not None]
    stored_bytes = sum(one.stored_bytes for one in stored)
    covered = sum(match.stored.stored_bytes for match in matches if match.models)
    share = covered / stored_bytes if stored_bytes else 0.0
    measured: dict[str, object] = {
        "compared": sum(bool(match.models) for match in matches),
        "elements": sum(match.stored.values.numel() for match in matches if match.models),
        "share_of_stored_bytes": round(share, 6),
        "largest_difference_in_float_steps": _largest(floats),
        "largest_difference_in_integer_steps": _largest(integers),
        "filled_with_one_number": sum(not match.models and _filled(match) for match in matches),
    }
    if not wanted:
        problems.append(f"the model has no constant of {SMALLEST} elements: nothing was compared")
    message = f"{measured['compared']} constants, {100 * share:.2f} % of the stored bytes, are the model's"
    return Outcome(message, tuple(problems), measured)


def _is_stored(one: ModelConstant, found: Collection[str]) -> bool:
    return one.name in found or bool(one.made_of) and one.made_of <= set(found)


def _is_strange(match: Match) -> bool:
    return not match.models and not _filled(match)


def _filled(match: Match) -> bool:
    values = match.stored.values.flatten()
    return bool((values == values[0]).all())


def _largest(matches: Sequence[Match]) -> float | None:
    """None without any match."""
    return round(max(match.steps for match in matches), 4) if matches else None


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
