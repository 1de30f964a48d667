"""Pick the programs of a model for a platform, in order of preference."""

from __future__ import annotations

from collections.abc import Sequence

from pte_foundry.backends.devices import on_every_device
from pte_foundry.client.errors import NoArtifactError
from pte_foundry.client.index import Artifact, Index
from pte_foundry.records.declared import PLATFORMS


def select(
    index: Index,
    model: str,
    platform: str,
    backends: Sequence[str] | None = None,
    precisions: Sequence[str] | None = None,
) -> tuple[Artifact, ...]:
    """All programs that fit, the preferred one first.

    The order of `backends` decides first, that of `precisions` among programs of one backend.

    Args:
        model: a model without its precision (`yolo11n`), or, if `precisions` is None, an index's
            `modelName` (`yolo11n_int8`).
        backends: allowed ones, the preferred first; None for what every device of the
            platform can run, see `pte_foundry.backends.devices`.
        precisions: allowed ones, the preferred first; None for the precision that a backend has by
            default (or that `model` names).

    Raises:
        NoArtifactError: nothing fits; the message says what there is.
    """
    if platform not in PLATFORMS:
        raise NoArtifactError(
            f"{platform!r} is not a platform. The platforms are {', '.join(PLATFORMS)}"
        )
    order = on_every_device(platform) if backends is None else tuple(backends)
    of_model = [each for each in index.artifacts if _matches(each, model, precisions)]
    found = [each for each in of_model if platform in each.platforms and each.backend in order]
    if not found:
        raise _no_artifact(index, model, platform, order, precisions)
    allowed = precisions or ()
    return tuple(
        sorted(
            found,
            key=lambda each: (
                order.index(each.backend),
                allowed.index(each.precision) if allowed else 0,
            ),
        )
    )


def _matches(artifact: Artifact, model: str, precisions: Sequence[str] | None) -> bool:
    if precisions is None:
        return artifact.model_name == model
    return artifact.model == model and artifact.precision in precisions


def _no_artifact(
    index: Index,
    model: str,
    platform: str,
    order: Sequence[str],
    precisions: Sequence[str] | None,
) -> NoArtifactError:
    asked = f"{model} on {platform} with {' or '.join(order) or 'no backend at all'}"
    if precisions is not None:
        asked += f" in {' or '.join(precisions) or 'no precision at all'}"
    related = [each for each in index.artifacts if model in (each.model, each.model_name)]
    if not related:
        names = sorted({each.model for each in index.artifacts})
        return NoArtifactError(
            f"the index of ExecuTorch {index.version} has no {model}. Its models are "
            f"{', '.join(names) or 'none'}"
        )
    here = sorted(
        f"{each.backend} ({each.precision})" for each in related if platform in each.platforms
    )
    base = {each.model for each in related}
    reasons = "".join(
        f" Its publisher could not build {each.backend} ({each.precision}): {each.reason}."
        for each in index.unavailable
        if each.model in base and each.backend in order
    )
    instead = f"For {platform} it has {', '.join(here)}: allow one of these"
    return NoArtifactError(
        f"the index of ExecuTorch {index.version} has nothing for {asked}.{reasons} "
        f"{instead if here else f'It has {model} for other platforms only'}"
    )
