"""Which values a program gets: official, substitute or seeded.

Nothing is fetched here, but for a checkpoint whose size is not known yet.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import FileDigest, FileEntry
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.engine.target import Target

from pte_build.addresses import KnownTarget, TargetRequest
from pte_build.choices import Choices
from pte_build.errors import PteBuildError
from pte_build.targets.model_weights import (
    ModelWeights,
    WeightsFileField,
    WeightsLicenseField,
    WeightsSha256Field,
    WeightsSizeField,
    WeightsSourcePageField,
    WeightsUrlsField,
    WeightsWholeModelField,
)
from pte_build.weights.sizes import CheckpointSize, CheckpointSizeRequest
from pte_build.weights.substitutes import Substitute, Substitutes
from pte_build.weights.subsystem import WeightsSource, WeightsSubsystem


class UnpinnedCheckpoint(PteBuildError):
    """The official checkpoint is requested, but it is not pinned."""


@dataclass(frozen=True)
class ResolvedWeightsRequest(EngineAwareParameter):
    """`program` is the address that asks, for messages."""

    address: Address
    program: Address
    choices: Choices = Choices.SESSION

    def debug_hint(self) -> str:
        return self.address.spec


@dataclass(frozen=True)
class ResolvedWeights:
    """What is known about a checkpoint from BUILD files and options alone.

    source: "official", "substitute" or "seeded". sha256 and size are None exactly if it is "seeded".
    local_path: the substitute's file on this machine; never part of a cache key.
    whole_model: whether the checkpoint is the whole model, so that there is nothing to seed weights for.
    """

    address: Address
    source: str
    file: str
    license: str
    source_page: str | None
    sha256: str | None
    size: int | None
    urls: tuple[str, ...] = ()
    description: str | None = None
    local_path: str | None = None
    whole_model: bool = False

    @property
    def sandbox_path(self) -> str:
        """Where an export process finds the checkpoint."""
        return f"weights/{self.file}"

    def files(self) -> tuple[FileEntry, ...]:
        """The checkpoint, if there is one. Its content need not be in the store."""
        if self.sha256 is None or self.size is None:
            return ()
        return (FileEntry(self.sandbox_path, FileDigest(self.sha256, self.size)),)


def resolve_weights(
    target: Target, source: WeightsSource, substitute: Substitute | None, program: Address
) -> ResolvedWeights:
    """Apply the options to one `model_weights` target. The size of an official checkpoint may be missing.

    Raises UnpinnedCheckpoint if the official checkpoint is requested but not pinned.
    """
    file = target[WeightsFileField].value
    assert file is not None
    license_id = target[WeightsLicenseField].value
    assert license_id is not None
    page = target[WeightsSourcePageField].value
    sha256 = target[WeightsSha256Field].value
    size = target[WeightsSizeField].value
    if substitute is not None:
        return ResolvedWeights(
            target.address, "substitute", file, license_id, page, substitute.sha256, substitute.size,
            description=substitute.description, local_path=substitute.path,
        )  # fmt: skip
    if source is WeightsSource.SEEDED:
        return ResolvedWeights(
            target.address, "seeded", file, license_id, page, None, None,
            whole_model=target[WeightsWholeModelField].value,
        )  # fmt: skip
    if sha256 is None:
        raise UnpinnedCheckpoint(
            f"{program}: its checkpoint {target.address} ({file}) is not pinned: its BUILD file has no `sha256` yet. "
            f"Pin it with `./foundry pin {target.address}`, or "
            "build with --weights-source=seeded, which needs no checkpoint."
        )
    return ResolvedWeights(
        target.address, "official", file, license_id, page, sha256, size,
        urls=target[WeightsUrlsField].value or (),
    )  # fmt: skip


@rule
async def resolve_weights_request(
    request: ResolvedWeightsRequest, subsystem: WeightsSubsystem
) -> ResolvedWeights:
    known = await Get(
        KnownTarget,
        TargetRequest(request.address, ModelWeights, field="weights", owner=request.program.spec),
    )
    if request.choices is Choices.COMMITTED_INDEX:
        return resolve_weights(known.target, WeightsSource.SEEDED, None, request.program)
    # Not a parameter of the rule: an unreadable substitutes file does not concern the committed index.
    substitutes = await Get(Substitutes)
    weights = resolve_weights(
        known.target, subsystem.source, substitutes.find(request.address.spec), request.program
    )
    if weights.sha256 is None or weights.size is not None:
        return weights
    learned = await Get(
        CheckpointSize,
        CheckpointSizeRequest(weights.address, weights.file, weights.sha256, weights.urls),
    )
    return dataclasses.replace(weights, size=learned.size)


def rules() -> Iterable[Rule]:
    return collect_rules()
